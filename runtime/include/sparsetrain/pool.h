// Max and average pools of windows of any size, stride and padding; averages of pieces and of whole images.
//
// Every function throws Error(invalid_argument) for a window that the shape of src does not have (see
// PoolWindow), for tensors of other shapes than follow from src and the window or with a size below 1, a null
// or misaligned pointer, another layout, or an output that overlaps another argument.
#pragma once

#include <cstdint>
#include <span>

#include "sparsetrain/conv2d.h"
#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// A window of `height` x `width` pixels. Padding is smaller than the window on each side, so that every
// window meets a pixel, and the window is not larger than src with its padding.
struct PoolWindow {
    int height = 2, width = 2;
    int stride_y = 2, stride_x = 2;
    Padding padding;

    // (H + padding - height) / stride + 1, rounded down, and so for W.
    SPARSETRAIN_API Shape dst(const Shape& src) const;
};

// Each window's maximum; its exact occupancy mask; and for the backward which tap won, one byte per element
// of dst (64-byte aligned): the first of equals in row-major order. A NaN wins. If src is a ReLU's output,
// dst is as good as one: no gradient passes where it is zero. Windows have at most 256 taps.
SPARSETRAIN_API void max_pool_forward(ConstTensorView src, const PoolWindow& window, TensorView dst,
                                      MaskView dst_mask, std::span<std::uint8_t> choice,
                                      Workspace& workspace);

// diff_src: each pixel's gradients of the windows that it won, and an occupancy mask, a bit where it won any;
// both with the backward of the ReLU that made src, where `relu_mask` has a bit, else zero. Without data: no
// ReLU.
SPARSETRAIN_API void max_pool_backward(ConstTensorView diff_dst, std::span<const std::uint8_t> choice,
                                       const PoolWindow& window, ConstMaskView relu_mask, TensorView diff_src,
                                       MaskView diff_src_mask, Workspace& workspace);

// What a window that reaches into padding is averaged over: its pixels that are inside, or all its taps.
enum class Averaged { inside, all };

SPARSETRAIN_API void average_pool_forward(ConstTensorView src, const PoolWindow& window, Averaged averaged,
                                          TensorView dst, Workspace& workspace);
SPARSETRAIN_API void average_pool_backward(ConstTensorView diff_dst, const PoolWindow& window,
                                           Averaged averaged, TensorView diff_src, Workspace& workspace);

// Each pixel of dst, whose height and width are whatever is wanted, is the mean of its piece of src: rows
// floor(y H / dst H) to before ceil((y + 1) H / dst H), and so for columns, as in PyTorch's
// AdaptiveAvgPool2d.
SPARSETRAIN_API void adaptive_average_pool_forward(ConstTensorView src, TensorView dst, Workspace& workspace);
SPARSETRAIN_API void adaptive_average_pool_backward(ConstTensorView diff_dst, TensorView diff_src,
                                                    Workspace& workspace);

// dst: [N][C][1][1], the mean of each channel of each image.
SPARSETRAIN_API void global_average_pool_forward(ConstTensorView src, TensorView dst, Workspace& workspace);
// diff_src with the backward of the ReLU that made src, where `relu_mask` has a bit, else zero: it is an
// occupancy mask of diff_src, then. Without data: no ReLU.
SPARSETRAIN_API void global_average_pool_backward(ConstTensorView diff_dst, ConstMaskView relu_mask,
                                                  TensorView diff_src, Workspace& workspace);

}  // namespace sparsetrain
