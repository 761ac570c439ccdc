#include "train/max_pool.h"

#include <utility>

#include "checks.h"
#include "flat_buffers.h"
#include "mask_bits.h"
#include "sparsetrain_max_pool2x2_backward_f32.h"
#include "sparsetrain_max_pool2x2_forward_f32.h"

namespace sparsetrain::train {

using detail::PlanesBuffer;
using detail::PlaneWordsBuffer;

namespace {

Shape pooled(const Shape& src) {
    detail::check_shape("MaxPool2x2", "src", src);
    detail::check_at_least("MaxPool2x2", "src height", 2, src.h);
    detail::check_at_least("MaxPool2x2", "src width", 2, src.w);
    return {src.n, src.c, src.h / 2, src.w / 2};
}

}  // namespace

MaxPool2x2::MaxPool2x2(std::string name, Shape src)
    : Operator(std::move(name)),
      dst_(pooled(src)),
      diff_src_(src),
      dst_mask_(dst_.shape()),
      diff_src_mask_(src),
      choice_(dst_.shape().pixels()) {}

Activation MaxPool2x2::forward(std::span<const Activation> srcs, RunContext context) {
    detail::check_tensor("MaxPool2x2::forward", "src", srcs[0].tensor, diff_src_.shape());
    const Shape& shape = dst_.shape();
    detail::call_pipeline("max_pool2x2_forward", ::sparsetrain_max_pool2x2_forward_f32, context.workspace,
                          PlanesBuffer(srcs[0].tensor), PlanesBuffer(dst_.view()),
                          PlaneWordsBuffer(dst_mask_.view().data, shape),
                          PlaneWordsBuffer(choice_.data(), shape));
    detail::keep_set_bits("max_pool2x2_forward", dst_mask_.view(), context.workspace);
    return {dst_.view(), dst_mask_.view(), srcs[0].rectified};
}

void MaxPool2x2::backward(const Activation& diff_dst, std::span<Activation> diff_srcs, RunContext context) {
    if (diff_srcs.empty()) return;
    detail::check_tensor("MaxPool2x2::backward", "diff_dst", diff_dst.tensor, dst_.shape());
    detail::call_pipeline("max_pool2x2_backward", ::sparsetrain_max_pool2x2_backward_f32, context.workspace,
                          PlanesBuffer(diff_dst.tensor), PlaneWordsBuffer(choice_.data(), dst_.shape()),
                          diff_src_.shape().c, PlanesBuffer(diff_src_.view()),
                          PlaneWordsBuffer(diff_src_mask_.view().data, diff_src_.shape()));
    detail::keep_set_bits("max_pool2x2_backward", diff_src_mask_.view(), context.workspace);
    diff_srcs[0] = {diff_src_.view(), diff_src_mask_.view()};
}

}  // namespace sparsetrain::train
