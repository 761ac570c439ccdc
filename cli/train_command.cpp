#include <array>
#include <cstdio>
#include <optional>
#include <span>
#include <stdexcept>

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
#include "train/dataset.h"
#include "train/models.h"

namespace sparsetrain::cli {
namespace {

struct TrainingRun {
    const TrainOptions& options;
    const train::DataSplits& data;
    train::Normalisation normalisation;
    train::Network& network;
    std::optional<MetricsFile>& metrics;
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
    const train::Batch batch = gather(run.data.train, run.normalisation, indices);
    const LossResult result = run.network.train_step(batch.images, batch.labels, sgd);
    const double seconds = wall_seconds() - start;
    if (run.metrics) {
        const double accuracy = static_cast<double>(result.correct) / batch.size();
        const StepMetrics numbers{step, result.loss, accuracy, sgd.learning_rate, 1e3 * seconds};
        run.metrics->write(step_record(numbers, run.network.convolutions()).dump());
    }
    check_loss(result.loss, step);
    return {result.loss, seconds};
}

void train_all_steps(TrainingRun& run, RunSummary& summary) {
    const TrainOptions& options = run.options;
    const RunLength length = options.length();
    train::ShuffledIndices order(run.data.train.count, options.seed);
    const InterruptGuard interrupt;
    Progress progress(length, options.batch);
    for (RunPosition next; next.is_within(length) && !summary.interrupted; ++next.step) {
        const TimedStep step = train_one_step(run, next, order.next(options.batch));
        next.seconds += step.seconds;
        progress.step_done(step.loss, step.seconds);
        summary.interrupted = InterruptGuard::requested();
        summary.steps = next.step;
        summary.training_seconds = next.seconds;
    }
    summary.images_per_second = static_cast<double>(summary.steps) * options.batch / summary.training_seconds;
    progress.finish();
    check_parameters(run.network, summary.steps);
}

void evaluate_test_set(TrainingRun& run, RunSummary& summary) {
    const train::Dataset& test = run.data.test;
    double loss = 0;
    int correct = 0;
    for (int first = 0; first < test.count; first += run.options.batch) {
        const train::Batch batch = consecutive(test, run.normalisation, first, run.options.batch);
        const LossResult result = run.network.evaluate(batch.images, batch.labels);
        loss += result.loss * batch.size();
        correct += result.correct;
    }
    summary.test_loss = loss / test.count;
    summary.test_accuracy = static_cast<double>(correct) / test.count;
}

constexpr double kGigabyte = 1e9;

// Refuses what the machine lacks, before it is taken: else the operating system may end this process, or
// another.
double checked_memory(const TrainOptions& options, const train::Model& model) {
    const double needed = memory_of(model, options.batch), available = available_memory();
    if (needed <= available) return needed;
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(),
                  "--batch %d takes about %.2f GB of memory, expected at most the %.2f GB that are free",
                  options.batch, needed / kGigabyte, available / kGigabyte);
    throw Error(ErrorCode::out_of_memory, text.data());
}

std::string describe(const TrainOptions& options) {
    const RunLength length = options.length();
    std::string text = length.steps == 0 ? "steps" : std::to_string(length.steps) + " steps";
    text += " of " + std::to_string(options.batch);
    if (length.seconds > 0) text += " within " + options.budget;
    return text + ", " + std::to_string(options.threads) + (options.threads == 1 ? " thread" : " threads");
}

void print_start(const TrainOptions& options, const train::DataSplits& data, double memory) {
    std::printf("training %s on %s (%d images), %s, kernels %s, seed %u, about %.2f GB of memory\n",
                options.model.c_str(), options.data.c_str(), data.train.count, describe(options).c_str(),
                options.kernels.c_str(), options.seed, memory / kGigabyte);
    flush_output();
}

void print_training(const RunSummary& summary, int batch) {
    std::printf("%s after %d steps: %.1f s, %.1f images/s\n", summary.interrupted ? "interrupted" : "trained",
                summary.steps, summary.training_seconds, summary.images_per_second);
    std::printf("replaying the last step (batch %d) with the chosen kernels and with dense ...\n", batch);
    flush_output();
}

void print_results(const RunSummary& summary, const TrainOptions& options, int test_images) {
    std::printf("\n%s", format_layer_table(summary.layers, options.kernels).c_str());
    std::printf("Times are medians of %s per step, packing of weights included.\n", summary.clock.c_str());
    const TotalReport total = total_of(summary.layers);
    std::printf("\nconvolutions but the first: %.1f ms with %s, %.1f ms with dense: %.2fx\n", total.chosen_ms,
                options.kernels.c_str(), total.dense_ms, total.speedup());
    std::printf("training: %.1f s, %.1f images/s\n", summary.training_seconds, summary.images_per_second);
    std::printf("test accuracy: %.2f %% of %d images, loss %.3f\n", 100 * summary.test_accuracy, test_images,
                summary.test_loss);
}

}  // namespace

int run_train(const TrainOptions& options) {
    require_supported_cpu();
    std::optional<MetricsFile> metrics;
    if (!options.metrics.empty()) metrics.emplace(options.metrics);
    const train::Model& model = find_named(train::models(), options.model);
    const train::DataSource& source = find_named(train::data_sources(), options.data);
    const double memory = checked_memory(options, model);
    const train::DataSplits data =
        source.load(options.data_directory.empty() ? source.directory : options.data_directory);
    const train::KernelOptions kernels = {policy_from_string(options.kernels.c_str()),
                                          choice_from_string(options.choice.c_str())};
    train::Network network = model.make(options.batch, options.seed, kernels, options.threads);
    TrainingRun run{options, data, normalisation_of(data.train), network, metrics};
    print_start(options, data, memory);
    if (metrics) metrics->write(header_record(options).dump());

    RunSummary summary;
    train_all_steps(run, summary);
    print_training(summary, options.batch);
    // Before the evaluation, which overwrites the tensors of the last step.
    summary.layers = replay_last_step(network);
    summary.clock = replay_clock_name(options.threads);
    evaluate_test_set(run, summary);
    print_results(summary, options, data.test.count);
    if (metrics) metrics->write(summary_record(summary).dump());
    return InterruptGuard::exit_status();
}

}  // namespace sparsetrain::cli
