#include <cmath>
#include <cstdio>
#include <optional>
#include <span>
#include <stdexcept>

#include "cli/clock.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/layer_table.h"
#include "cli/machine.h"
#include "cli/metrics.h"
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
TimedStep train_one_step(TrainingRun& run, int step, std::span<const std::uint32_t> indices) {
    const Recipe& recipe = run.options.recipe;
    const train::Sgd sgd{recipe.learning_rate_at(step, run.options.steps), recipe.momentum,
                         recipe.weight_decay};
    const double start = wall_seconds();
    const train::Batch batch = gather(run.data.train, run.normalisation, indices);
    const train::StepResult result = run.network.train_step(batch.images, batch.labels, sgd);
    const double seconds = wall_seconds() - start;
    if (run.metrics) {
        const double accuracy = static_cast<double>(result.correct) / batch.size();
        const StepMetrics numbers{step, result.loss, accuracy, sgd.learning_rate, 1e3 * seconds};
        run.metrics->write(step_record(numbers, run.network.convolutions()));
    }
    if (!std::isfinite(result.loss))
        throw std::runtime_error("training diverged: the loss of step " + std::to_string(step) +
                                 " is not finite; a lower --learning-rate may help");
    return {result.loss, seconds};
}

void train_all_steps(TrainingRun& run, RunSummary& summary) {
    const TrainOptions& options = run.options;
    train::ShuffledIndices order(run.data.train.count, options.seed);
    const InterruptGuard interrupt;
    Progress progress(options.steps, options.batch);
    while (summary.steps < options.steps && !summary.interrupted) {
        const TimedStep step = train_one_step(run, ++summary.steps, order.next(options.batch));
        summary.training_seconds += step.seconds;
        progress.step_done(step.loss, step.seconds);
        summary.interrupted = InterruptGuard::requested();
    }
    summary.images_per_second = static_cast<double>(summary.steps) * options.batch / summary.training_seconds;
    progress.finish();
}

void evaluate_test_set(TrainingRun& run, RunSummary& summary) {
    const train::Dataset& test = run.data.test;
    double loss = 0;
    int correct = 0;
    for (int first = 0; first < test.count; first += run.options.batch) {
        const train::Batch batch = consecutive(test, run.normalisation, first, run.options.batch);
        const train::StepResult result = run.network.evaluate(batch.images, batch.labels);
        loss += result.loss * batch.size();
        correct += result.correct;
    }
    summary.test_loss = loss / test.count;
    summary.test_accuracy = static_cast<double>(correct) / test.count;
}

void print_start(const TrainOptions& options, const train::DataSplits& data) {
    std::printf("training %s on %s (%d images), %d steps of %d, %d thread%s, kernels %s, seed %u\n",
                options.model.c_str(), options.data.c_str(), data.train.count, options.steps, options.batch,
                options.threads, options.threads == 1 ? "" : "s", options.kernels.c_str(), options.seed);
    std::fflush(stdout);
}

void print_training(const RunSummary& summary, int batch) {
    std::printf("%s after %d steps: %.1f s, %.1f images/s\n", summary.interrupted ? "interrupted" : "trained",
                summary.steps, summary.training_seconds, summary.images_per_second);
    std::printf("replaying the last step (batch %d) with the chosen kernels and with dense ...\n", batch);
    std::fflush(stdout);
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
    const train::DataSplits data = train::load_fashion_mnist(options.data_directory);
    train::Network network = train::vgg_small(options.batch, options.seed,
                                              policy_from_string(options.kernels.c_str()), options.threads);
    TrainingRun run{options, data, normalisation_of(data.train), network, metrics};
    print_start(options, data);
    if (metrics) metrics->write(header_record(options));

    RunSummary summary;
    train_all_steps(run, summary);
    print_training(summary, options.batch);
    // Before the evaluation, which overwrites the tensors of the last step.
    summary.layers = replay_last_step(network);
    summary.clock = replay_clock_name(options.threads);
    evaluate_test_set(run, summary);
    print_results(summary, options, data.test.count);
    if (metrics) metrics->write(summary_record(summary));
    return 0;
}

}  // namespace sparsetrain::cli
