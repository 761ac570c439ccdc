#include "train/relu.h"

#include <utility>

#include "checks.h"
#include "flat_buffers.h"
#include "mask_bits.h"
#include "sparsetrain/relu.h"
#include "sparsetrain_mask_intersection_u16.h"

namespace sparsetrain::train {

Activation ReluGradient::compute(const Activation& diff_dst, ConstMaskView relu_mask, Workspace& workspace) {
    if (diff_dst.rectified && diff_dst.mask.data == relu_mask.data) return diff_dst;
    ConstMaskView mask = relu_mask;
    if (diff_dst.mask) {
        detail::check_mask("ReluGradient::compute", "diff_dst mask", diff_dst.mask, mask_.shape());
        detail::call_pipeline("mask_intersection", ::sparsetrain_mask_intersection_u16, workspace,
                              detail::PixelMaskBuffer(diff_dst.mask), detail::PixelMaskBuffer(relu_mask),
                              detail::PixelMaskBuffer(mask_.view()));
        detail::keep_set_bits("mask_intersection", mask_.view(), workspace);
        mask = mask_.view();
    }
    relu_backward(diff_dst.tensor, mask, diff_src_.view(), workspace);
    return {diff_src_.view(), mask};
}

Relu::Relu(std::string name, Shape shape)
    : Operator(std::move(name)), dst_(shape), mask_(shape), gradient_(shape) {}

Activation Relu::forward(std::span<const Activation> srcs, RunContext context) {
    relu_forward(srcs[0].tensor, dst_.view(), mask_.view(), context.workspace);
    return {dst_.view(), mask_.view(), true};
}

void Relu::backward(const Activation& diff_dst, std::span<Activation> diff_srcs, RunContext context) {
    if (diff_srcs.empty()) return;
    diff_srcs[0] = gradient_.compute(diff_dst, mask_.view(), context.workspace);
}

}  // namespace sparsetrain::train
