// Batch normalisation by itself, with the ReLU behind it, or with the sum of a residual block and its ReLU.
//
// Arrays of channels have C floats and need no alignment. A channel with a value that is not finite has a
// variance of NaN and a mean that is not finite, and its results are NaN, which ReLU keeps and whose bits are
// set; other channels are as they would be without it.
//
// Every function throws Error(invalid_argument) for tensors whose shapes differ or hold a size below 1, a
// null or misaligned pointer, another layout, an array of another size, an epsilon that is not above 0, or an
// output that overlaps another argument. But each says which of its outputs may be an input: the same
// pointer, to work in place.
#pragma once

#include <cstdint>
#include <span>

#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// Mean and variance (of the population: squares are divided by N H W) of each channel, the variance within
// 1e-5 of it even where the mean is a thousand deviations.
SPARSETRAIN_API void batch_statistics(ConstTensorView src, std::span<float> mean, std::span<float> variance,
                                      Workspace& workspace);

// running = (1 - momentum) * running + momentum * batch, where `variance` counts with N H W - 1: `count` is
// N H W, at least 2.
SPARSETRAIN_API void update_running_statistics(std::span<const float> mean, std::span<const float> variance,
                                               std::int64_t count, float momentum,
                                               std::span<float> running_mean,
                                               std::span<float> running_variance);

// (src - mean) / sqrt(variance + epsilon) * scale + shift.
struct BatchNorm {
    // What `mean` and `variance` are of: src, as in training, so that they pass a gradient on to it; or
    // constants, as running statistics in inference and in layers that are frozen.
    enum class Statistics { of_src, constant };

    std::span<const float> mean, variance;
    std::span<const float> scale, shift;
    float epsilon = 1e-5F;
    Statistics statistics = Statistics::of_src;
};

// dst may be src.
SPARSETRAIN_API void batch_norm(ConstTensorView src, const BatchNorm& norm, TensorView dst,
                                Workspace& workspace);

// dst = max(0, batch_norm(src)) and its exact occupancy mask. dst may be src.
SPARSETRAIN_API void batch_norm_relu(ConstTensorView src, const BatchNorm& norm, TensorView dst,
                                     MaskView dst_mask, Workspace& workspace);

// dst = max(0, batch_norm(src) + addend) and its exact occupancy mask. dst may be src, or addend.
SPARSETRAIN_API void batch_norm_add_relu(ConstTensorView src, const BatchNorm& norm, ConstTensorView addend,
                                         TensorView dst, MaskView dst_mask, Workspace& workspace);

// Gradients of the trained arrays, C floats each.
struct BatchNormGradients {
    std::span<float> scale, shift;
};

// The backward of batch_norm, and of batch_norm_relu where diff_dst has that ReLU's backward applied, as
// Conv2d::backward_data with a relu_mask leaves it. diff_src may be diff_dst.
SPARSETRAIN_API void batch_norm_backward(ConstTensorView src, const BatchNorm& norm, ConstTensorView diff_dst,
                                         TensorView diff_src, const BatchNormGradients& gradients,
                                         Workspace& workspace);

// The backward of batch_norm_relu, whose dst_mask is `mask`. diff_src may be diff_dst.
SPARSETRAIN_API void batch_norm_relu_backward(ConstTensorView src, const BatchNorm& norm,
                                              ConstTensorView diff_dst, ConstMaskView mask,
                                              TensorView diff_src, const BatchNormGradients& gradients,
                                              Workspace& workspace);

// The backward of batch_norm_add_relu, whose dst_mask is `mask`: it is an occupancy mask of diff_addend, too,
// which is what ReLU's backward leaves of diff_dst. diff_addend may be diff_dst.
SPARSETRAIN_API void batch_norm_add_relu_backward(ConstTensorView src, const BatchNorm& norm,
                                                  ConstTensorView diff_dst, ConstMaskView mask,
                                                  TensorView diff_src, TensorView diff_addend,
                                                  const BatchNormGradients& gradients, Workspace& workspace);

}  // namespace sparsetrain
