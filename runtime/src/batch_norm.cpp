#include "sparsetrain/batch_norm.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "channel_arrays.h"
#include "checks.h"
#include "flat_buffers.h"
#include "mask_bits.h"
#include "sparsetrain_batch_norm_backward_add_relu_f32.h"
#include "sparsetrain_batch_norm_backward_plain_f32.h"
#include "sparsetrain_batch_norm_backward_relu_f32.h"
#include "sparsetrain_batch_norm_backward_sums_plain_f32.h"
#include "sparsetrain_batch_norm_backward_sums_relu_f32.h"
#include "sparsetrain_batch_norm_forward_add_relu_f32.h"
#include "sparsetrain_batch_norm_forward_plain_f32.h"
#include "sparsetrain_batch_norm_forward_relu_f32.h"
#include "sparsetrain_batch_statistics_f32.h"

namespace sparsetrain {

using detail::ChannelArrays;
using detail::ChannelMaskBuffer;
using detail::ChannelsBuffer;
using detail::check_apart;
using detail::check_mask;
using detail::check_tensor;
using detail::unless_in_place;

namespace {

void check_channels(const char* function, const char* argument, int channels, std::span<const float> given) {
    detail::check_count(function, argument, static_cast<std::size_t>(channels), given.size());
    detail::check_pointer(function, argument, given.data(), alignof(float));
}

void check_norm(const char* function, const BatchNorm& norm, int channels) {
    check_channels(function, "mean", channels, norm.mean);
    check_channels(function, "variance", channels, norm.variance);
    check_channels(function, "scale", channels, norm.scale);
    check_channels(function, "shift", channels, norm.shift);
    if (!(norm.epsilon > 0))
        detail::throw_invalid(function, "epsilon", "above 0", detail::to_text(norm.epsilon));
}

void check_src(const char* function, ConstTensorView src) {
    detail::check_shape(function, "src", src.shape);
    check_tensor(function, "src", src, src.shape);
}

template <typename Pipeline, typename... Buffers>
void normalise(const char* function, Pipeline pipeline, ConstTensorView src, const BatchNorm& norm,
               Workspace& workspace, Buffers&&... buffers) {
    const ChannelArrays arrays({norm.mean, norm.variance, norm.scale, norm.shift}, 0, src.shape.c, workspace);
    detail::call_pipeline(function, pipeline, workspace, ChannelsBuffer(src), arrays.buffer(0),
                          arrays.buffer(1), arrays.buffer(2), arrays.buffer(3), norm.epsilon, buffers...);
}

// What a call of one of the backward forms is given, but for the mask and what only the last form has.
struct Backward {
    const char* function;
    ConstTensorView src;
    const BatchNorm& norm;
    ConstTensorView diff_dst;
    TensorView diff_src;
    const BatchNormGradients& gradients;
    Workspace& workspace;

    // Outputs apart from one another and from inputs; `in_place` may be diff_dst.
    void check(ConstMaskView mask, TensorView diff_addend, TensorView in_place) const {
        check_src(function, src);
        const int channels = src.shape.c;
        check_norm(function, norm, channels);
        check_tensor(function, "diff_dst", diff_dst, src.shape);
        check_tensor(function, "diff_src", diff_src, src.shape);
        check_channels(function, "gradients.scale", channels, gradients.scale);
        check_channels(function, "gradients.shift", channels, gradients.shift);
        check_apart(function,
                    {{"diff_src", diff_src},
                     {"diff_addend", diff_addend},
                     {"gradients.scale", gradients.scale},
                     {"gradients.shift", gradients.shift}},
                    {{"src", src},
                     unless_in_place("diff_dst", diff_dst, in_place),
                     {"mask", mask},
                     {"mean", norm.mean},
                     {"variance", norm.variance},
                     {"scale", norm.scale},
                     {"shift", norm.shift}});
    }

    // `masks`: that behind diff_dst, of pipelines that take one; `outputs`: of the second pipeline.
    template <typename Sums, typename Pipeline, typename... Masks, typename... Outputs>
    void run(Sums sums, Pipeline pipeline, std::tuple<Masks&...> masks, Outputs&&... outputs) const {
        enum { mean, variance, scale, diff_shift, diff_scale };
        const ChannelArrays arrays({norm.mean, norm.variance, norm.scale}, 2, src.shape.c, workspace);
        ChannelsBuffer src_buffer(src), diff_dst_buffer(diff_dst);
        std::apply(
            [&](auto&... mask) {
                detail::call_pipeline(function, sums, workspace, src_buffer, arrays.buffer(mean),
                                      arrays.buffer(variance), norm.epsilon, diff_dst_buffer, mask...,
                                      arrays.buffer(diff_shift), arrays.buffer(diff_scale));
            },
            masks);
        std::ranges::copy(arrays[diff_shift], gradients.shift.begin());
        std::ranges::copy(arrays[diff_scale], gradients.scale.begin());
        if (norm.statistics == BatchNorm::Statistics::constant) {  // which pass nothing on
            std::ranges::fill(arrays[diff_shift], 0.0F);
            std::ranges::fill(arrays[diff_scale], 0.0F);
        }
        std::apply(
            [&](auto&... mask) {
                detail::call_pipeline(function, pipeline, workspace, src_buffer, arrays.buffer(mean),
                                      arrays.buffer(variance), arrays.buffer(scale),
                                      arrays.buffer(diff_shift), arrays.buffer(diff_scale), norm.epsilon,
                                      diff_dst_buffer, mask..., outputs...);
            },
            masks);
    }
};

}  // namespace

void batch_statistics(ConstTensorView src, std::span<float> mean, std::span<float> variance,
                      Workspace& workspace) {
    const char* const function = "batch_statistics";
    check_src(function, src);
    check_channels(function, "mean", src.shape.c, mean);
    check_channels(function, "variance", src.shape.c, variance);
    check_apart(function, {{"mean", mean}, {"variance", variance}}, {{"src", src}});
    const ChannelArrays arrays({}, 2, src.shape.c, workspace);
    detail::call_pipeline(function, ::sparsetrain_batch_statistics_f32, workspace, ChannelsBuffer(src),
                          arrays.buffer(0), arrays.buffer(1));
    std::ranges::copy(arrays[0], mean.begin());
    std::ranges::copy(arrays[1], variance.begin());
}

void update_running_statistics(std::span<const float> mean, std::span<const float> variance,
                               std::int64_t count, float momentum, std::span<float> running_mean,
                               std::span<float> running_variance) {
    const char* const function = "update_running_statistics";
    const int channels = static_cast<int>(mean.size());
    detail::check_at_least(function, "mean", 1, channels);
    check_channels(function, "mean", channels, mean);
    check_channels(function, "variance", channels, variance);
    check_channels(function, "running_mean", channels, running_mean);
    check_channels(function, "running_variance", channels, running_variance);
    check_apart(function, {{"running_mean", running_mean}, {"running_variance", running_variance}},
                {{"mean", mean}, {"variance", variance}});
    if (count < 2) detail::throw_invalid(function, "count", "at least 2", std::to_string(count));
    const auto unbiased = static_cast<float>(static_cast<double>(count) / static_cast<double>(count - 1));
    for (std::size_t c = 0; c < mean.size(); ++c) {
        running_mean[c] += momentum * (mean[c] - running_mean[c]);
        running_variance[c] += momentum * (variance[c] * unbiased - running_variance[c]);
    }
}

void batch_norm(ConstTensorView src, const BatchNorm& norm, TensorView dst, Workspace& workspace) {
    const char* const function = "batch_norm";
    check_src(function, src);
    check_norm(function, norm, src.shape.c);
    check_tensor(function, "dst", dst, src.shape);
    check_apart(function, {{"dst", dst}}, {unless_in_place("src", src, dst)});
    normalise(function, ::sparsetrain_batch_norm_forward_plain_f32, src, norm, workspace,
              ChannelsBuffer(dst));
}

void batch_norm_relu(ConstTensorView src, const BatchNorm& norm, TensorView dst, MaskView dst_mask,
                     Workspace& workspace) {
    const char* const function = "batch_norm_relu";
    check_src(function, src);
    check_norm(function, norm, src.shape.c);
    check_tensor(function, "dst", dst, src.shape);
    check_mask(function, "dst_mask", dst_mask, src.shape);
    check_apart(function, {{"dst", dst}, {"dst_mask", dst_mask}}, {unless_in_place("src", src, dst)});
    normalise(function, ::sparsetrain_batch_norm_forward_relu_f32, src, norm, workspace, ChannelsBuffer(dst),
              ChannelMaskBuffer(dst_mask));
    detail::keep_set_bits(function, dst_mask, workspace);
}

void batch_norm_add_relu(ConstTensorView src, const BatchNorm& norm, ConstTensorView addend, TensorView dst,
                         MaskView dst_mask, Workspace& workspace) {
    const char* const function = "batch_norm_add_relu";
    check_src(function, src);
    check_norm(function, norm, src.shape.c);
    check_tensor(function, "addend", addend, src.shape);
    check_tensor(function, "dst", dst, src.shape);
    check_mask(function, "dst_mask", dst_mask, src.shape);
    check_apart(function, {{"dst", dst}, {"dst_mask", dst_mask}},
                {unless_in_place("src", src, dst), unless_in_place("addend", addend, dst)});
    normalise(function, ::sparsetrain_batch_norm_forward_add_relu_f32, src, norm, workspace,
              ChannelsBuffer(addend), ChannelsBuffer(dst), ChannelMaskBuffer(dst_mask));
    detail::keep_set_bits(function, dst_mask, workspace);
}

void batch_norm_backward(ConstTensorView src, const BatchNorm& norm, ConstTensorView diff_dst,
                         TensorView diff_src, const BatchNormGradients& gradients, Workspace& workspace) {
    const Backward call{"batch_norm_backward", src, norm, diff_dst, diff_src, gradients, workspace};
    call.check({}, {}, diff_src);
    call.run(::sparsetrain_batch_norm_backward_sums_plain_f32, ::sparsetrain_batch_norm_backward_plain_f32,
             std::tie(), ChannelsBuffer(diff_src));
}

void batch_norm_relu_backward(ConstTensorView src, const BatchNorm& norm, ConstTensorView diff_dst,
                              ConstMaskView mask, TensorView diff_src, const BatchNormGradients& gradients,
                              Workspace& workspace) {
    const Backward call{"batch_norm_relu_backward", src, norm, diff_dst, diff_src, gradients, workspace};
    check_mask(call.function, "mask", mask, src.shape);
    call.check(mask, {}, diff_src);
    ChannelMaskBuffer mask_buffer(mask);
    call.run(::sparsetrain_batch_norm_backward_sums_relu_f32, ::sparsetrain_batch_norm_backward_relu_f32,
             std::tie(mask_buffer), ChannelsBuffer(diff_src));
}

void batch_norm_add_relu_backward(ConstTensorView src, const BatchNorm& norm, ConstTensorView diff_dst,
                                  ConstMaskView mask, TensorView diff_src, TensorView diff_addend,
                                  const BatchNormGradients& gradients, Workspace& workspace) {
    const Backward call{"batch_norm_add_relu_backward", src, norm, diff_dst, diff_src, gradients, workspace};
    check_mask(call.function, "mask", mask, src.shape);
    check_tensor(call.function, "diff_addend", diff_addend, src.shape);
    call.check(mask, diff_addend, diff_addend);
    ChannelMaskBuffer mask_buffer(mask);
    call.run(::sparsetrain_batch_norm_backward_sums_relu_f32, ::sparsetrain_batch_norm_backward_add_relu_f32,
             std::tie(mask_buffer), ChannelsBuffer(diff_src), ChannelsBuffer(diff_addend));
}

}  // namespace sparsetrain
