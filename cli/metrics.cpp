#include "cli/metrics.h"

#include "cli/clock.h"
#include "cli/machine.h"
#include "sparsetrain/library.h"

namespace sparsetrain::cli {
namespace {

// The operand whose zeros a pass skipped; null if it skipped none.
Json skipped(bool skips, Operand operand) {
    return skips ? Json(to_string(operand)) : Json();
}

Json record_of_convolution(const train::Convolution& convolution, const ZerosWatch::Zeros& zeros) {
    Json record = {{"name", convolution.name()},
                   {"zeros_src", zeros.src},
                   {"zeros_diff_dst", zeros.diff_dst},
                   {"passes", Json::object()}};
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
        const train::PassRun& run = convolution.last_run(pass);
        if (!run.ran) continue;
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
            {"image_size", options.image_size},
            {"classes", options.classes},
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

void ZerosWatch::passed(const train::Convolution& convolution, const train::PassCall& call) {
    if (convolution.is_linear()) return;
    const double start = wall_seconds();
    if (call.pass == Pass::fwd) zeros_[&convolution].src = percentage_of_zeros(call.src->tensor);
    if (call.pass == Pass::bwd_weights)
        zeros_[&convolution].diff_dst = percentage_of_zeros(call.diff_dst->tensor);
    seconds_ += wall_seconds() - start;
}

Json step_record(const StepMetrics& metrics, const train::Network& network, const ZerosWatch& zeros) {
    Json record = {{"record", "step"},
                   {"step", metrics.step},
                   {"loss", metrics.loss},
                   {"batch_accuracy", metrics.batch_accuracy},
                   {"learning_rate", metrics.learning_rate},
                   {"ms", metrics.ms},
                   {"convolutions", Json::array()}};
    for (const train::Convolution* convolution : network.convolutions())
        record["convolutions"].push_back(record_of_convolution(*convolution, zeros.of(*convolution)));
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
    for (std::size_t i = 0; i < train::kWorks; ++i) {
        const auto work = static_cast<train::Work>(i);
        record["seconds"][to_string(work)] = summary.works.of(work);
    }
    record["memory"] = {{"planned_gb", summary.planned_gb}, {"resident_gb", summary.resident_gb}};
    record["total"] = {
        {"chosen_ms", total.chosen_ms}, {"dense_ms", total.dense_ms}, {"speedup", total.speedup()}};
    return record;
}

}  // namespace sparsetrain::cli
