#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/divergence.h"
#include "cli/interrupt.h"
#include "cli/layer_table.h"
#include "cli/memory.h"
#include "cli/metrics.h"
#include "cli/metrics_file.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "sparsetrain/error.h"
#include "sparsetrain/library.h"
#include "train/images.h"
#include "train/models/models.h"
#include "train/replaced_file.h"
#include "train/weights_file.h"

namespace sparsetrain::cli {
namespace {

struct TrainingRun {
    const TrainOptions& options;
    const train::TrainingData& data;
    const train::ImageFormat& format;
    train::Network& network;
    std::optional<MetricsFile>& metrics;
    ZerosWatch zeros;
    train::Batch batch;  // of the last step
};

// A step's mean loss, and the wall time of making its batch and training on it: not of writing its metrics.
struct TimedStep {
    double loss = 0, seconds = 0;
};

// One step; fails before a diverged network is mistaken for a trained one.
TimedStep train_one_step(TrainingRun& run, const RunPosition& position,
                         std::span<const std::uint32_t> indices) {
    const Recipe& recipe = run.options.recipe;
    const Sgd sgd{recipe.learning_rate_at(position, run.options.length()), recipe.momentum,
                  recipe.weight_decay};
    const int step = position.step;
    const double start = wall_seconds();
    run.batch = run.data.train->batch(indices, run.format);
    const LossResult result = run.network.train_step(run.batch.images, {run.batch.labels}, sgd);
    const double seconds = wall_seconds() - start - run.zeros.take_seconds();
    if (run.metrics) {
        const double accuracy = static_cast<double>(result.correct) / run.batch.size();
        const StepMetrics numbers{step, result.loss, accuracy, sgd.learning_rate, 1e3 * seconds};
        run.metrics->write(step_record(numbers, run.network, run.zeros).dump());
    }
    check_loss(result.loss, step);
    return {result.loss, seconds};
}

void train_all_steps(TrainingRun& run, RunSummary& summary) {
    const TrainOptions& options = run.options;
    const RunLength length = options.length();
    train::Indices order(run.data.train->count(),
                         run.data.is_shuffled ? std::optional(options.seed) : std::nullopt);
    if (run.metrics) run.network.set_watch(&run.zeros);
    const InterruptGuard interrupt;
    Progress progress(length, options.batch);
    for (RunPosition next; next.is_within(length) && !summary.interrupted; ++next.step) {
        const TimedStep step = train_one_step(run, next, order.next(options.batch));
        next.seconds += step.seconds;
        progress.step_done(step.loss, step.seconds);
        summary.works.add(run.network.times());
        summary.interrupted = InterruptGuard::requested();
        summary.steps = next.step;
        summary.training_seconds = next.seconds;
    }
    summary.images_per_second = static_cast<double>(summary.steps) * options.batch / summary.training_seconds;
    progress.finish();
    run.network.set_watch(nullptr);
    check_parameters(run.network, summary.steps);
}

void evaluate_test_set(TrainingRun& run, RunSummary& summary) {
    const train::Images& test = *run.data.test;
    double loss = 0;
    int correct = 0;
    for (int first = 0; first < test.count(); first += run.options.batch) {
        const train::Batch batch = test.consecutive(first, run.options.batch, run.format);
        const LossResult result = run.network.evaluate(batch.images, batch.labels);
        loss += result.loss * batch.size();
        correct += result.correct;
    }
    summary.test_loss = loss / test.count();
    summary.test_accuracy = static_cast<double>(correct) / test.count();
}

constexpr double kGigabyte = 1e9;

// Refuses what the machine lacks, before it is taken: else the operating system may end this process, or
// another.
double checked_memory(const TrainOptions& options, const train::Graph& graph) {
    const train::MemoryPlan plan = train::memory_of(graph, options.batch, options.threads);
    const auto planned = static_cast<double>(plan.total());
    // A file of weights is written from a copy in its own order: a third of values, gradients and momentum.
    const double copy = options.save.empty() ? 0 : static_cast<double>(plan.parameters) / 3;
    const double needed = planned + copy;
    const double available = available_memory();
    if (needed <= available) return planned / kGigabyte;
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(),
                  "--batch %d takes about %.2f GB of memory, expected at most the %.2f GB that are free",
                  options.batch, needed / kGigabyte, available / kGigabyte);
    throw Error(ErrorCode::out_of_memory, text.data());
}

// Images as the data have them, unless the options or the model want others.
train::ImageFormat format_of(const TrainOptions& options, const train::Model& model,
                             const train::ImageFormat& data) {
    train::ImageFormat format = data;
    if (data.channels == 1) format.channels = model.channels;
    format.size = options.image_size != 0 ? options.image_size : std::max(data.size, model.least_image_size);
    return format;
}

train::Graph make_graph(const TrainOptions& options, const train::Model& model,
                        const train::ImageFormat& format, int classes) {
    train::ModelOptions of_model;
    of_model.channels = format.channels;
    of_model.image_size = format.size;
    of_model.classes = classes;
    of_model.kernels = {policy_from_string(options.kernels.c_str()),
                        choice_from_string(options.choice.c_str())};
    of_model.seed = options.seed;
    return model.make(of_model);
}

// With what the options left to the data.
TrainOptions as_run(TrainOptions options, const train::ImageFormat& format, int classes) {
    options.image_size = format.size;
    options.classes = classes;
    return options;
}

// Labels of the data must fit.
int checked_classes(const TrainOptions& options, const train::TrainingData& data) {
    if (options.classes == 0) return std::max(data.classes, 2);
    if (options.classes < data.classes)
        throw Error(ErrorCode::invalid_argument, "--classes: given " + std::to_string(options.classes) +
                                                     ", expected at least the " +
                                                     std::to_string(data.classes) + " of the data");
    return options.classes;
}

std::string describe(const TrainOptions& options) {
    const RunLength length = options.length();
    std::string text = length.steps == 0 ? "steps" : std::to_string(length.steps) + " steps";
    text += " of " + std::to_string(options.batch);
    if (length.seconds > 0) text += " within " + options.budget;
    return text + ", " + std::to_string(options.threads) + (options.threads == 1 ? " thread" : " threads");
}

void print_start(const TrainingRun& run, double memory) {
    const TrainOptions& options = run.options;
    std::printf(
        "training %s on %s (%d images, %dx%dx%d), %s, kernels %s, seed %u, %.2f GB of memory planned\n",
        options.model.c_str(), options.data.c_str(), run.data.train->count(), run.format.channels,
        run.format.size, run.format.size, describe(options).c_str(), options.kernels.c_str(), options.seed,
        memory);
    flush_output();
}

void print_training(const RunSummary& summary, int batch) {
    std::printf("%s after %d steps: %.1f s, %.1f images/s\n", summary.interrupted ? "interrupted" : "trained",
                summary.steps, summary.training_seconds, summary.images_per_second);
    std::printf("replaying a step (batch %d) with the chosen kernels and with dense ...\n", batch);
    flush_output();
}

void print_works(const RunSummary& summary) {
    std::printf("\na step, in ms of %s:", summary.clock.c_str());
    const double steps = summary.steps, total = summary.works.total();
    const char* separator = " ";
    for (std::size_t i = 0; i < train::kWorks; ++i) {
        const auto work = static_cast<train::Work>(i);
        if (const double seconds = summary.works.of(work); seconds > 0) {
            std::printf("%s%s %.1f (%.0f %%)", separator, to_string(work), 1e3 * seconds / steps,
                        100 * seconds / total);
            separator = ", ";
        }
    }
    std::printf("\nmemory: %.2f GB planned, %.2f GB resident\n", summary.planned_gb, summary.resident_gb);
}

void print_results(const RunSummary& summary, const TrainOptions& options, int test_images) {
    std::printf("\n%s", format_layer_table(summary.layers, options.kernels).c_str());
    std::printf("Times are medians of %s per step, packing of weights included.\n", summary.clock.c_str());
    const TotalReport total = total_of(summary.layers);
    std::printf("\nconvolutions but the first: %.1f ms with %s, %.1f ms with dense: %.2fx\n", total.chosen_ms,
                options.kernels.c_str(), total.dense_ms, total.speedup());
    print_works(summary);
    std::printf("training: %.1f s, %.1f images/s\n", summary.training_seconds, summary.images_per_second);
    std::printf("test accuracy: %.2f %% of %d images, loss %.3f\n", 100 * summary.test_accuracy, test_images,
                summary.test_loss);
}

}  // namespace

int run_train(const TrainOptions& options) {
    require_supported_cpu();
    std::optional<MetricsFile> metrics;
    if (!options.metrics.empty()) metrics.emplace(options.metrics);
    // A path that cannot be written is to be known before hours of training.
    if (!options.save.empty()) const train::ReplacedFile tried(options.save);
    const train::Model& model = find_named(train::models(), options.model);
    const train::TrainingData data = train::load_data(options.data, options.data_directory);
    const train::ImageFormat format = format_of(options, model, data.format);
    const int classes = checked_classes(options, data);
    train::Graph graph = make_graph(options, model, format, classes);
    RunSummary summary;
    summary.planned_gb = checked_memory(options, graph);
    const double before = resident_memory(), most_before = most_resident_memory();
    train::Network network(std::move(graph), options.batch, options.seed, options.threads);
    if (!options.init.empty()) load_weights(network, options.init);
    TrainingRun run{options, data, format, network, metrics, {}, {}};
    print_start(run, summary.planned_gb);
    if (metrics) metrics->write(header_record(as_run(options, format, classes)).dump());

    summary.clock = replay_clock_name(options.threads);
    train_all_steps(run, summary);
    // What was loaded before may have had more for a while.
    const double most = most_resident_memory();
    summary.resident_gb = ((most > most_before ? most : resident_memory()) - before) / kGigabyte;
    if (!options.save.empty()) save_weights(network, options.save);
    print_training(summary, options.batch);
    summary.layers = replay_step(network, run.batch.images, {run.batch.labels});
    evaluate_test_set(run, summary);
    print_results(summary, options, data.test->count());
    if (metrics) metrics->write(summary_record(summary).dump());
    return InterruptGuard::exit_status();
}

}  // namespace sparsetrain::cli
