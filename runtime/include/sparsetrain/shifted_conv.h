// Convolutions between learned scalars, as in networks without normalisation (Fixup: Zhang, Dauphin, Ma
// 2019): dst = conv(src + before) * scale + after, where padding stays zero.
//
// To add a scalar to src would fill its zeros in. But conv(src + before) is conv(src) + before * S, where S
// of a pixel and an output channel is the sum of the weights of the taps that are inside the image: one value
// per channel, and others along borders. So src keeps its zeros, and Conv2d its kernels: fold_scalars gives
// the weights and bias for them, add_shift what is left along borders, unfold_gradients the gradients.
//
// `taps` has R S ceil(K / 16) 16 floats, [R][S][K], 64-byte aligned. Every function throws
// Error(invalid_argument) for arrays of other sizes, null or misaligned pointers, and outputs that overlap
// inputs.
#pragma once

#include <span>

#include "sparsetrain/conv2d.h"
#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

struct ConvScalars {
    float before = 0, scale = 1, after = 0;
};

// How many floats `taps` has for a convolution of that shape.
SPARSETRAIN_API std::size_t tap_sums_size(const ConvShape& shape);

// taps: each tap's weights summed over the input channels. folded = scale * weights, in the master layout, or
// no data, where scale is 1 and nobody needs a copy.
// bias: K values, scale * before * the sum of all taps + after, which is right away from borders, and
// everywhere if there is no padding.
SPARSETRAIN_API void fold_scalars(const ConvShape& shape, ConstWeightsView weights,
                                  const ConvScalars& scalars, std::span<float> taps, WeightsView folded,
                                  std::span<float> bias, Workspace& workspace);

// For shapes with padding: dst = conv + scale * before * S + after, from conv, the convolution of src with
// the folded weights, without a bias. dst may be conv.
SPARSETRAIN_API void add_shift(const ConvShape& shape, std::span<const float> taps,
                               const ConvScalars& scalars, ConstTensorView conv, TensorView dst,
                               Workspace& workspace);
// The same, its ReLU, and the exact occupancy mask of that. NaN stays NaN, and its bit is set.
SPARSETRAIN_API void add_shift_relu(const ConvShape& shape, std::span<const float> taps,
                                    const ConvScalars& scalars, ConstTensorView conv, TensorView dst,
                                    MaskView dst_mask, Workspace& workspace);

// `diff_weights` is what Conv2d::backward_weights makes of src and diff_dst, and becomes the gradient of
// `weights`; the result is that of the scalars. diff_src is Conv2d::backward_data's, with the folded weights.
SPARSETRAIN_API ConvScalars unfold_gradients(const ConvShape& shape, ConstWeightsView weights,
                                             std::span<const float> taps, const ConvScalars& scalars,
                                             ConstTensorView diff_dst, WeightsView diff_weights,
                                             Workspace& workspace);

}  // namespace sparsetrain
