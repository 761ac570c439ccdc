#include "sparsetrain/loss.h"

#include <numeric>
#include <string>
#include <vector>

#include "checks.h"
#include "flat_buffers.h"
#include "sparsetrain_softmax_cross_entropy_f32.h"
#include "targets.h"

namespace sparsetrain {

namespace detail {

namespace {

void check_labels(const char* function, const char* argument, std::span<const std::int32_t> labels,
                  const Shape& logits) {
    check_count(function, argument, static_cast<std::size_t>(logits.n), labels.size());
    check_pointer(function, argument, labels.data(), alignof(std::int32_t));
    for (const std::int32_t label : labels) {
        if (label < 0 || label >= logits.c)
            throw_invalid(function, argument, "classes from 0 to " + std::to_string(logits.c - 1),
                          std::to_string(label));
    }
}

}  // namespace

void check_targets(const char* function, const Targets& targets, const Shape& logits) {
    check_labels(function, "labels", targets.labels, logits);
    const bool is_mixed = !targets.other_labels.empty();
    if (is_mixed) check_labels(function, "other_labels", targets.other_labels, logits);
    if (!(targets.weight >= 0 && targets.weight <= 1) || (!is_mixed && targets.weight != 1))
        throw_invalid(function, "weight", is_mixed ? "from 0 to 1" : "1 without other_labels",
                      to_text(targets.weight));
    if (!(targets.smoothing >= 0 && targets.smoothing < 1))
        throw_invalid(function, "smoothing", "from 0 to below 1", to_text(targets.smoothing));
}

}  // namespace detail

namespace {

constexpr const char* kFunction = "softmax_cross_entropy";

template <typename T>
detail::Buffer<1> per_image(std::span<T> values) {
    return {values.data(), {static_cast<int>(values.size())}};
}

}  // namespace

LossResult softmax_cross_entropy(ConstTensorView logits, const Targets& targets, TensorView diff_logits,
                                 Workspace& workspace) {
    const Shape expected{logits.shape.n, logits.shape.c, 1, 1};
    detail::check_shape(kFunction, "logits", expected);
    detail::check_tensor(kFunction, "logits", logits, expected);
    detail::check_tensor(kFunction, "diff_logits", diff_logits, expected);
    detail::check_targets(kFunction, targets, expected);
    detail::check_apart(
        kFunction, {{"diff_logits", diff_logits}},
        {{"logits", logits}, {"labels", targets.labels}, {"other_labels", targets.other_labels}});

    std::vector<float> losses(targets.labels.size());
    std::vector<std::uint8_t> hits(losses.size());
    const auto other_labels = targets.other_labels.empty() ? targets.labels : targets.other_labels;
    detail::call_pipeline(kFunction, ::sparsetrain_softmax_cross_entropy_f32, workspace,
                          detail::RowsBuffer(logits), per_image(targets.labels), per_image(other_labels),
                          targets.weight, targets.smoothing, expected.c, detail::RowsBuffer(diff_logits),
                          per_image(std::span(losses)), per_image(std::span(hits)));
    return {std::accumulate(losses.begin(), losses.end(), 0.0) / expected.n,
            std::accumulate(hits.begin(), hits.end(), 0)};
}

}  // namespace sparsetrain
