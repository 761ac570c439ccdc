#include "train/loss.h"

#include <numeric>
#include <string>

#include "checks.h"
#include "flat_buffers.h"
#include "sparsetrain_softmax_cross_entropy_f32.h"

namespace sparsetrain::train {

namespace {

constexpr const char* kFunction = "SoftmaxCrossEntropy::compute";

void check_labels(std::span<const std::int32_t> labels, int classes) {
    for (const std::int32_t label : labels) {
        if (label < 0 || label >= classes)
            detail::throw_invalid(kFunction, "labels", "classes from 0 to " + std::to_string(classes - 1),
                                  std::to_string(label));
    }
}

}  // namespace

StepResult SoftmaxCrossEntropy::compute(ConstTensorView logits, std::span<const std::int32_t> labels,
                                        TensorView diff_logits, Workspace& workspace) {
    const Shape expected{logits.shape.n, logits.shape.c, 1, 1};
    detail::check_shape(kFunction, "logits", expected);
    detail::check_tensor(kFunction, "logits", logits, expected);
    detail::check_tensor(kFunction, "diff_logits", diff_logits, expected);
    detail::check_count(kFunction, "labels", static_cast<std::size_t>(expected.n), labels.size());
    check_labels(labels, expected.c);

    losses_.resize(labels.size());
    hits_.resize(labels.size());
    detail::call_pipeline("softmax_cross_entropy", ::sparsetrain_softmax_cross_entropy_f32, workspace,
                          detail::RowsBuffer(logits), detail::Buffer<1>(labels.data(), {expected.n}),
                          expected.c, detail::RowsBuffer(diff_logits),
                          detail::Buffer<1>(losses_.data(), {expected.n}),
                          detail::Buffer<1>(hits_.data(), {expected.n}));
    return {std::accumulate(losses_.begin(), losses_.end(), 0.0) / expected.n,
            std::accumulate(hits_.begin(), hits_.end(), 0)};
}

}  // namespace sparsetrain::train
