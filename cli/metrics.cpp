#include "cli/metrics.h"

#include "cli/machine.h"
#include "sparsetrain/library.h"

namespace sparsetrain::cli {
namespace {

// The operand whose zeros a pass skipped; null if it skipped none.
Json skipped(bool skips, Operand operand) {
    return skips ? Json(to_string(operand)) : Json();
}

Json record_of_convolution(const train::Convolution& convolution) {
    const train::ConvolutionStep& step = convolution.last_step();
    Json record = {{"name", convolution.name()},
                   {"zeros_src", percentage_of_zeros(step.src.tensor)},
                   {"zeros_diff_dst", percentage_of_zeros(step.diff_dst.tensor)},
                   {"passes", Json::object()}};
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
        if (pass == Pass::bwd_data && step.diff_src.data == nullptr) continue;
        const train::PassRun& run = step.run_of(pass);
        record["passes"][to_string(pass)] = {
            {"kernel", to_string(run.statistics.kernel)},
            {"skipped", skipped(run.statistics.skips, run.statistics.skipped)},
            {"ms", 1e3 * run.seconds}};
    }
    return record;
}

Json record_of_layer(const LayerReport& layer) {
    const Shape& src = layer.shape.src;
    const Padding& padding = layer.shape.padding;
    Json record = {{"name", layer.name},
                   {"src", {src.n, src.c, src.h, src.w}},
                   {"k", layer.shape.k},
                   {"filter", {layer.shape.filter_h, layer.shape.filter_w}},
                   {"stride", layer.shape.stride},
                   {"padding", {padding.top, padding.left, padding.bottom, padding.right}},
                   {"zeros_src", layer.zeros_src},
                   {"zeros_diff_dst", layer.zeros_diff_dst},
                   {"counted", layer.counted()},
                   {"passes", Json::object()}};
    for (const PassReport& pass : layer.passes)
        record["passes"][to_string(pass.pass)] = {{"kernel", to_string(pass.kernel)},
                                                  {"skipped", skipped(pass.skips, pass.skipped)},
                                                  {"chosen_ms", pass.chosen_ms},
                                                  {"dense_ms", pass.dense_ms},
                                                  {"speedup", pass.speedup()}};
    return record;
}

}  // namespace

Json header_record(const TrainOptions& options) {
    return {{"record", "header"},
            {"sparsetrain", version()},
            {"halide", halide_version()},
            {"compiler", compiler_name()},
            {"cpu", cpu_model()},
            {"isa", instruction_set()},
            {"uarch", microarchitecture()},
            {"model", options.model},
            {"data", options.data},
            {"steps", options.length().steps},
            {"budget_seconds", options.length().seconds},
            {"batch", options.batch},
            {"threads", options.threads},
            {"kernels", options.kernels},
            {"choice", options.choice},
            {"seed", options.seed},
            {"learning_rate", options.recipe.learning_rate},
            {"momentum", options.recipe.momentum},
            {"weight_decay", options.recipe.weight_decay}};
}

Json step_record(const StepMetrics& metrics, std::span<const train::Convolution* const> convolutions) {
    Json record = {{"record", "step"},
                   {"step", metrics.step},
                   {"loss", metrics.loss},
                   {"batch_accuracy", metrics.batch_accuracy},
                   {"learning_rate", metrics.learning_rate},
                   {"ms", metrics.ms},
                   {"convolutions", Json::array()}};
    for (const train::Convolution* convolution : convolutions)
        record["convolutions"].push_back(record_of_convolution(*convolution));
    return record;
}

Json summary_record(const RunSummary& summary) {
    const TotalReport total = total_of(summary.layers);
    Json record = {{"record", "summary"},
                   {"steps", summary.steps},
                   {"interrupted", summary.interrupted},
                   {"training_seconds", summary.training_seconds},
                   {"images_per_second", summary.images_per_second},
                   {"test_loss", summary.test_loss},
                   {"test_accuracy", summary.test_accuracy},
                   {"clock", summary.clock},
                   {"convolutions", Json::array()}};
    for (const LayerReport& layer : summary.layers) record["convolutions"].push_back(record_of_layer(layer));
    record["total"] = {
        {"chosen_ms", total.chosen_ms}, {"dense_ms", total.dense_ms}, {"speedup", total.speedup()}};
    return record;
}

}  // namespace sparsetrain::cli
