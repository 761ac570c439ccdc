#include "sparsetrain/shifted_conv.h"

#include <numeric>

#include "channel_arrays.h"
#include "checks.h"
#include "halide_interface.h"
#include "mask_bits.h"
#include "sparsetrain_add_shift_plain_f32.h"
#include "sparsetrain_add_shift_relu_f32.h"
#include "sparsetrain_scale_weights_f32.h"
#include "sparsetrain_tap_gradients_f32.h"
#include "sparsetrain_tap_sums_f32.h"
#include "sparsetrain_unfold_gradients_f32.h"
#include "sparsetrain_weights_dot_f32.h"
#include "workspace_impl.h"

namespace sparsetrain {

namespace {

// (k lane, k block, s, r).
struct TapsBuffer : detail::Buffer<4> {
    TapsBuffer(const float* taps, const ConvShape& shape)
        : Buffer<4>(taps, {kLanes, channel_blocks(shape.k), shape.filter_w, shape.filter_h}) {}
};

// (lane, vector).
struct VectorsBuffer : detail::Buffer<2> {
    VectorsBuffer(const float* values, std::size_t count)
        : Buffer<2>(values, {kLanes, static_cast<int>(count / kLanes)}) {}
};

// (k lane, everything else, k block).
struct PerChannelBuffer : detail::Buffer<3> {
    explicit PerChannelBuffer(ConstWeightsView w)
        : Buffer<3>(w.data, {kLanes, channel_blocks(w.shape.c) * kLanes * w.shape.r * w.shape.s,
                             channel_blocks(w.shape.k)}) {}
};

void check_taps(const char* function, const ConvShape& shape, std::span<const float> taps) {
    detail::check_shape(function, "src", shape.src);
    detail::check_shape(function, "weights", shape.weights());
    detail::check_at_least(function, "stride", 1, shape.stride);
    detail::check_count(function, "taps", tap_sums_size(shape), taps.size());
    detail::check_pointer(function, "taps", taps.data());
}

// Memory of a Workspace, for arrays of channels.
float* scratch_of(Workspace& workspace, std::size_t floats) {
    AlignedArray<float>& memory = workspace.impl().channels;
    if (memory.size() < floats) memory = AlignedArray<float>(floats);
    return memory.data();
}

double dot(const float* a, const float* b, std::size_t count) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
}

template <typename Pipeline, typename... Outputs>
void add(const char* function, Pipeline pipeline, const ConvShape& shape, std::span<const float> taps,
         const ConvScalars& scalars, ConstTensorView conv, Workspace& workspace, Outputs&&... outputs) {
    detail::call_pipeline(function, pipeline, workspace, detail::TensorBuffer(conv),
                          TapsBuffer(taps.data(), shape), scalars.scale * scalars.before, scalars.after,
                          shape.src.h, shape.src.w, shape.stride, shape.padding.top, shape.padding.left,
                          shape.k, std::forward<Outputs>(outputs)...);
}

void check_add(const char* function, const ConvShape& shape, std::span<const float> taps,
               ConstTensorView conv, TensorView dst, ConstMaskView dst_mask) {
    check_taps(function, shape, taps);
    detail::check_tensor(function, "conv", conv, shape.dst());
    detail::check_tensor(function, "dst", dst, shape.dst());
    detail::check_apart(function, {{"dst", dst}, {"dst_mask", dst_mask}},
                        {detail::unless_in_place("conv", conv, dst), {"taps", taps}});
}

}  // namespace

std::size_t tap_sums_size(const ConvShape& shape) {
    return WeightsShape{shape.k, 1, shape.filter_h, shape.filter_w}.elements() / kLanes;
}

void fold_scalars(const ConvShape& shape, ConstWeightsView weights, const ConvScalars& scalars,
                  std::span<float> taps, WeightsView folded, std::span<float> bias, Workspace& workspace) {
    const char* const function = "fold_scalars";
    check_taps(function, shape, taps);
    detail::check_weights(function, "weights", weights, shape.weights());
    const bool folds = folded.data != nullptr;
    if (folds) detail::check_weights(function, "folded", folded, shape.weights());
    if (!folds && scalars.scale != 1)
        detail::throw_invalid(function, "folded", "weights to write to, as scale is not 1", "no data");
    detail::check_count(function, "bias", static_cast<std::size_t>(shape.k), bias.size());
    detail::check_apart(function,
                        {{"taps", taps},
                         {"folded", folded.data, folds ? folded.shape.elements() * sizeof(float) : 0},
                         {"bias", bias}},
                        {{"weights", weights}});
    detail::call_pipeline(function, ::sparsetrain_tap_sums_f32, workspace, detail::WeightsBuffer(weights),
                          TapsBuffer(taps.data(), shape));
    if (folds) {
        const std::size_t elements = weights.shape.elements();
        detail::call_pipeline(function, ::sparsetrain_scale_weights_f32, workspace,
                              VectorsBuffer(weights.data, elements), scalars.scale,
                              VectorsBuffer(folded.data, elements));
    }
    const std::size_t channels = taps.size() / static_cast<std::size_t>(shape.filter_h * shape.filter_w);
    for (std::size_t k = 0; k < bias.size(); ++k) {
        double sum = 0;
        for (std::size_t tap = 0; tap < taps.size(); tap += channels) sum += taps[tap + k];
        bias[k] = static_cast<float>(scalars.scale * (scalars.before * sum)) + scalars.after;
    }
}

void add_shift(const ConvShape& shape, std::span<const float> taps, const ConvScalars& scalars,
               ConstTensorView conv, TensorView dst, Workspace& workspace) {
    const char* const function = "add_shift";
    check_add(function, shape, taps, conv, dst, {});
    add(function, ::sparsetrain_add_shift_plain_f32, shape, taps, scalars, conv, workspace,
        detail::TensorBuffer(dst));
}

void add_shift_relu(const ConvShape& shape, std::span<const float> taps, const ConvScalars& scalars,
                    ConstTensorView conv, TensorView dst, MaskView dst_mask, Workspace& workspace) {
    const char* const function = "add_shift_relu";
    detail::check_mask(function, "dst_mask", dst_mask, shape.dst());
    check_add(function, shape, taps, conv, dst, dst_mask);
    add(function, ::sparsetrain_add_shift_relu_f32, shape, taps, scalars, conv, workspace,
        detail::TensorBuffer(dst), detail::MaskBuffer(dst_mask));
    detail::keep_set_bits(function, dst_mask, workspace);
}

ConvScalars unfold_gradients(const ConvShape& shape, ConstWeightsView weights, std::span<const float> taps,
                             const ConvScalars& scalars, ConstTensorView diff_dst, WeightsView diff_weights,
                             Workspace& workspace) {
    const char* const function = "unfold_gradients";
    check_taps(function, shape, taps);
    detail::check_weights(function, "weights", weights, shape.weights());
    detail::check_weights(function, "diff_weights", diff_weights, shape.weights());
    detail::check_tensor(function, "diff_dst", diff_dst, shape.dst());
    detail::check_apart(function, {{"diff_weights", diff_weights}},
                        {{"weights", weights}, {"taps", taps}, {"diff_dst", diff_dst}});
    const std::size_t channels = taps.size() / static_cast<std::size_t>(shape.filter_h * shape.filter_w);
    // Of each tap, and, for `after`, of all pixels; of each output channel.
    float* sums = scratch_of(workspace, taps.size() + 2 * channels);
    float *dots = sums + taps.size(), *totals = dots + channels;
    detail::call_pipeline(function, ::sparsetrain_tap_gradients_f32, workspace,
                          detail::TensorBuffer(diff_dst), shape.src.h, shape.src.w, shape.stride,
                          shape.padding.top, shape.padding.left, TapsBuffer(sums, shape),
                          VectorsBuffer(totals, channels));
    detail::call_pipeline(function, ::sparsetrain_weights_dot_f32, workspace, PerChannelBuffer(weights),
                          PerChannelBuffer(diff_weights), VectorsBuffer(dots, channels));
    const double of_taps = dot(taps.data(), sums, taps.size());
    ConvScalars gradients;
    gradients.before = static_cast<float>(scalars.scale * of_taps);
    gradients.scale =
        static_cast<float>(std::accumulate(dots, dots + channels, 0.0) + scalars.before * of_taps);
    gradients.after = static_cast<float>(std::accumulate(totals, totals + channels, 0.0));
    detail::call_pipeline(function, ::sparsetrain_unfold_gradients_f32, workspace, TapsBuffer(sums, shape),
                          scalars.before, scalars.scale, shape.src.c, detail::WeightsBuffer(diff_weights));
    return gradients;
}

}  // namespace sparsetrain
