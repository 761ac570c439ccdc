#include "train/fully_connected.h"

#include <cmath>
#include <utility>

#include "checks.h"
#include "flat_buffers.h"
#include "padding_lanes.h"
#include "sparsetrain_channel_sum_f32.h"
#include "sparsetrain_fully_connected_backward_data_f32.h"
#include "sparsetrain_fully_connected_backward_weights_f32.h"
#include "sparsetrain_fully_connected_forward_f32.h"
#include "train/initialise.h"

namespace sparsetrain::train {

using detail::RowsBuffer;
using detail::RowVectorsBuffer;

namespace {

WeightsShape filters(const Shape& src, int features) {
    const WeightsShape shape{features, src.c, src.h, src.w};
    detail::check_shape("FullyConnected", "src", src);
    detail::check_shape("FullyConnected", "weights", shape);
    return shape;
}

std::size_t padded(int features) {
    return static_cast<std::size_t>(channel_blocks(features)) * kLanes;
}

// (k lane, feature, k block).
template <typename T>
detail::Buffer<3> weights_buffer(BasicWeightsView<T> w) {
    return {w.data,
            {kLanes, channel_blocks(w.shape.c) * kLanes * w.shape.r * w.shape.s, channel_blocks(w.shape.k)}};
}

detail::Buffer<2> bias_buffer(AlignedArray<float>& bias) {
    return {bias.data(), {kLanes, static_cast<int>(bias.size()) / kLanes}};
}

}  // namespace

FullyConnected::FullyConnected(std::string name, Shape src, int features, Random& random)
    : Operator(std::move(name)),
      weights_(filters(src, features)),
      diff_weights_(weights_.shape()),
      weights_momentum_(weights_.shape()),
      bias_(padded(features)),
      diff_bias_(padded(features)),
      bias_momentum_(padded(features)),
      dst_({src.n, features, 1, 1}),
      diff_src_(src) {
    fill_uniform(weights_, std::sqrt(3.0F / static_cast<float>(src.c * src.h * src.w)), random);
}

Activation FullyConnected::forward(std::span<const Activation> srcs, RunContext context) {
    src_ = srcs[0].tensor;
    detail::check_tensor("FullyConnected::forward", "src", src_, diff_src_.shape());
    detail::call_pipeline("fully_connected_forward", ::sparsetrain_fully_connected_forward_f32,
                          context.workspace, RowsBuffer(src_), weights_buffer(weights_.view()),
                          bias_buffer(bias_), RowVectorsBuffer(dst_.view()));
    detail::clear_padding_lanes("FullyConnected::forward", dst_.view(), context.workspace);
    return {dst_.view(), {}};
}

void FullyConnected::backward(const Activation& diff_dst, std::span<Activation> diff_srcs,
                              RunContext context) {
    const ConstTensorView diff = diff_dst.tensor;
    detail::check_tensor("FullyConnected::backward", "diff_dst", diff, dst_.shape());
    detail::call_pipeline("fully_connected_backward_weights",
                          ::sparsetrain_fully_connected_backward_weights_f32, context.workspace,
                          RowsBuffer(src_), RowVectorsBuffer(diff), weights_buffer(diff_weights_.view()));
    detail::clear_padding_lanes("FullyConnected::backward", diff_weights_.view(), context.workspace);
    detail::call_pipeline("channel_sum", ::sparsetrain_channel_sum_f32, context.workspace,
                          detail::TensorBuffer(diff), bias_buffer(diff_bias_));
    if (diff_srcs.empty()) return;
    detail::call_pipeline("fully_connected_backward_data", ::sparsetrain_fully_connected_backward_data_f32,
                          context.workspace, RowsBuffer(diff), weights_buffer(weights_.view()),
                          RowVectorsBuffer(diff_src_.view()));
    detail::clear_padding_lanes("FullyConnected::backward", diff_src_.view(), context.workspace);
    diff_srcs[0] = {diff_src_.view(), {}};
}

std::size_t FullyConnected::bytes() const {
    return bytes_of(weights_.values(), diff_weights_.values(), weights_momentum_.values(), bias_, diff_bias_,
                    bias_momentum_, dst_.values(), diff_src_.values());
}

std::vector<Parameter> FullyConnected::parameters() {
    return {
        {name() + ".weights", weights_.values(), diff_weights_.values(), weights_momentum_.values(), true},
        {name() + ".bias", bias_, diff_bias_, bias_momentum_, false}};
}

}  // namespace sparsetrain::train
