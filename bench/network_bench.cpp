// network_bench: whole training steps of a network whose ReLUs leave as many zeros as they did in a published
// training run, kernels auto and dense in turns.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "network_profile.h"
#include "sparsetrain/library.h"
#include "train/calibration.h"
#include "train/models/models.h"
#include "train/weights_file.h"

namespace sparsetrain::bench {
namespace {

using train::Network;
using train::StepTimes;
using train::Work;

struct Options {
    std::string model = "resnet50";
    std::string profile, save;
    int batch = 16, image_size = 224, classes = 1000;
    int threads = 1, rounds = 5, settling = 24;
    bool turns = false;
};

struct Batch {
    std::vector<float> images;
    std::vector<std::int32_t> labels;
};

Batch random_batch(const Options& options) {
    std::mt19937 engine(1);
    std::normal_distribution<float> normal;
    Batch batch;
    const auto size = static_cast<std::size_t>(options.image_size);
    batch.images.resize(static_cast<std::size_t>(options.batch) * 3 * size * size);
    std::ranges::generate(batch.images, [&] { return normal(engine); });
    for (int i = 0; i < options.batch; ++i)
        batch.labels.push_back(static_cast<std::int32_t>(engine() % static_cast<unsigned>(options.classes)));
    return batch;
}

Network make_network(const Options& options, Policy policy) {
    train::ModelOptions of_model;
    of_model.image_size = options.image_size;
    of_model.classes = options.classes;
    of_model.kernels = policy;
    return {find_named(train::models(), options.model).make(of_model), options.batch, 1, options.threads};
}

// Filters that begin at zero, as Fixup's, would leave nothing to compute.
void fill_zero_filters(Network& network) {
    train::Random random(2);
    for (train::Parameter* parameter : network.parameters()) {
        const train::Initial& initial = parameter->initial;
        if (!parameter->is_filters() || initial.kind != train::Initial::Kind::constant) continue;
        const std::size_t fan_in = parameter->elements() / static_cast<std::size_t>(parameter->shape[0]);
        std::vector<float> values(parameter->elements());
        std::ranges::generate(values,
                              [&] { return random.normal(1 / std::sqrt(static_cast<float>(fan_in))); });
        parameter->from_file_order(values);
    }
}

// A network and the times of its steps.
struct Contestant {
    Contestant(const char* its_name, const Options& options, Policy policy)
        : name(its_name), network(make_network(options, policy)) {}

    void step(const Batch& batch) {
        // All of SGD's arithmetic, and the same weights for every step.
        network.train_step(batch.images, {batch.labels}, {.learning_rate = 0, .weight_decay = 1e-4F});
    }
    void timed_step(const Batch& batch) {
        step(batch);
        steps.push_back(network.times());
    }
    bool learns() const {
        for (const train::Graph::Node& node : network.graph().nodes()) {
            const auto* convolution = dynamic_cast<const train::Convolution*>(node.op.get());
            if (convolution == nullptr) continue;
            for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights})
                if (convolution->last_run(pass).statistics.is_trial) return true;
        }
        return false;
    }
    template <typename Seconds>
    double median_ms(Seconds seconds) const {
        std::vector<double> all;
        for (const StepTimes& step : steps) all.push_back(1e3 * seconds(step));
        std::ranges::sort(all);
        return all[all.size() / 2];
    }
    double best_ms() const {
        double best = 1e3 * steps.front().total();
        for (const StepTimes& step : steps) best = std::min(best, 1e3 * step.total());
        return best;
    }

    const char* name;
    Network network;
    std::vector<StepTimes> steps;
};

// Unless the options name one: what was published, or what a run of the project's own left.
std::string profile_path(const Options& options) {
    if (!options.profile.empty()) return options.profile;
    const bool is_fixup = options.model == "fixup_resnet50";
    return std::string(NETWORK_BENCH_PROFILES) + (is_fixup ? "/fixup_zeros.csv" : "/published_zeros.csv");
}

void calibrate(const Options& options, const Batch& batch, Network& network) {
    fill_zero_filters(network);
    const std::vector<double> wanted = profile_of(profile_path(options), options.model);
    const std::vector<double> found = train::calibrate_zeros(network, batch.images, options.batch, wanted);
    double worst = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) worst = std::max(worst, std::abs(found[i] - wanted[i]));
    std::fprintf(stderr, "zeros of %zu ReLUs within %.2f of the profile's percentages\n", wanted.size(),
                 worst);
}

void copy_parameters(const Network& from, Network& to) {
    for (std::size_t i = 0; i < from.parameters().size(); ++i)
        std::ranges::copy(from.parameters()[i]->value, to.parameters()[i]->value.begin());
}

void save(const Options& options, const Batch& batch, const Network& network) {
    const std::vector<std::int64_t> labels(batch.labels.begin(), batch.labels.end());
    const auto n = static_cast<std::uint64_t>(options.batch),
               size = static_cast<std::uint64_t>(options.image_size);
    const std::array<train::TensorToWrite, 2> more = {{
        {"images", {n, 3, size, size}, std::span<const float>(batch.images)},
        {"labels", {n}, std::span<const std::int64_t>(labels)},
    }};
    train::save_weights(network, options.save, more);
}

// Until auto has learned what its kernels take.
void settle(const Options& options, const Batch& batch, Contestant& contestant) {
    for (int i = 0; i < options.settling; ++i) {
        contestant.step(batch);
        if (i > 0 && !contestant.learns()) return;
    }
}

nlohmann::ordered_json record_of(const Contestant& contestant, const Options& options) {
    const StepTimes& last = contestant.steps.back();
    nlohmann::ordered_json record = {{"peer", "sparsetrain"},
                                     {"kernels", contestant.name},
                                     {"seconds", last.total()},
                                     {"images_per_second", options.batch / last.total()}};
    for (std::size_t i = 0; i < train::kWorks; ++i) {
        const auto work = static_cast<Work>(i);
        record["seconds_of"][to_string(work)] = last.of(work);
    }
    return record;
}

void print_row(const char* name, double automatic, double dense) {
    std::printf("%-26s %10.1f %10.1f %9.2fx\n", name, automatic, dense, dense / automatic);
}

void print_table(const Options& options, const Contestant& automatic, const Contestant& dense) {
    std::printf("\n%-26s %10s %10s %10s\n", "ms of a step (median)", "auto", "dense", "speedup");
    for (std::size_t i = 0; i < train::kWorks; ++i) {
        const auto work = static_cast<Work>(i);
        const auto seconds = [work](const StepTimes& step) { return step.of(work); };
        if (dense.median_ms(seconds) > 0)
            print_row(to_string(work), automatic.median_ms(seconds), dense.median_ms(seconds));
    }
    const auto total = [](const StepTimes& step) { return step.total(); };
    print_row("all", automatic.median_ms(total), dense.median_ms(total));
    print_row("all (best)", automatic.best_ms(), dense.best_ms());
    const double per_image = 1e-3 / options.batch;
    std::printf("%-26s %10.2f %10.2f\n", "images per second", 1 / (per_image * automatic.median_ms(total)),
                1 / (per_image * dense.median_ms(total)));
}

void run(const Options& options) {
    const Batch batch = random_batch(options);
    Contestant automatic("auto", options, Policy::automatic), dense("dense", options, Policy::dense);
    calibrate(options, batch, automatic.network);
    copy_parameters(automatic.network, dense.network);
    if (!options.save.empty()) save(options, batch, automatic.network);
    settle(options, batch, automatic);
    dense.step(batch);
    std::fprintf(stderr, "network_bench: %s, %s, batch %d, %dx%d, %d threads: ready\n", options.model.c_str(),
                 microarchitecture(), options.batch, options.image_size, options.image_size, options.threads);
    if (options.turns) {
        for (std::string line; std::getline(std::cin, line);) {
            for (Contestant* contestant : {&automatic, &dense}) {
                contestant->timed_step(batch);
                std::printf("%s\n", record_of(*contestant, options).dump().c_str());
            }
            std::fflush(stdout);
        }
        return;
    }
    for (int i = 0; i < options.rounds; ++i) {
        automatic.timed_step(batch);
        dense.timed_step(batch);
    }
    print_table(options, automatic, dense);
}

void add_options(CLI::App& app, Options& options) {
    std::vector<std::string> models;
    for (const train::Model& model : train::models())
        if (model.channels == 3) models.emplace_back(model.name);
    app.add_option("--model", options.model, "Network")->check(CLI::IsMember(models))->capture_default_str();
    app.add_option(
        "--profile", options.profile,
        "CSV of zeros of ReLUs, as bench/evaluation/published_zeros.csv; that, or Fixup's own, unless given");
    app.add_option("--batch", options.batch, "Images")->check(CLI::Range(1, 4096))->capture_default_str();
    app.add_option("--image-size", options.image_size, "Height and width")
        ->check(CLI::Range(32, 512))
        ->capture_default_str();
    app.add_option("--classes", options.classes, "Classes")
        ->check(CLI::Range(2, 100'000))
        ->capture_default_str();
    app.add_option("--threads", options.threads, "Threads: one's times are its CPU time, more's wall time")
        ->check(CLI::Range(1, kMostThreads))
        ->capture_default_str();
    app.add_option("--rounds", options.rounds, "Steps of each")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--settling", options.settling, "Most steps for auto to learn in, before times count")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--save", options.save,
                   "File for the calibrated weights, with the images and labels, for network_peer.py");
    app.add_flag(
        "--turns", options.turns,
        "A step of each for every line of standard input, as a line of JSON: to alternate with a peer");
}

}  // namespace
}  // namespace sparsetrain::bench

int main(int argc, char** argv) {
    CLI::App app{"Times whole training steps at the zeros of a published training run"};
    sparsetrain::bench::Options options;
    add_options(app, options);
    CLI11_PARSE(app, argc, argv);
    try {
        sparsetrain::bench::run(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "network_bench: %s\n", error.what());
        return 1;
    }
    return 0;
}
