// ReLU and occupancy masks, for networks whose ReLUs are not fused into Conv2d::forward_relu.
//
// Every function throws Error(invalid_argument) for arguments whose shapes differ or hold a size below 1, a
// null or misaligned pointer, another layout, or an output that overlaps another argument. But relu_forward's
// dst may be its src, and relu_backward's diff_src its diff_dst: the same pointer, to work in place.
#pragma once

#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// dst = max(0, src) and its exact occupancy mask. NaN stays NaN, and its bit is set.
SPARSETRAIN_API void relu_forward(ConstTensorView src, TensorView dst, MaskView dst_mask,
                                  Workspace& workspace);

// diff_src = diff_dst where `mask`, the mask of the ReLU's dst, has a bit; zero elsewhere. So `mask` is also
// an occupancy mask of diff_src.
SPARSETRAIN_API void relu_backward(ConstTensorView diff_dst, ConstMaskView mask, TensorView diff_src,
                                   Workspace& workspace);

// The exact occupancy mask of `tensor`: a bit for every lane that is not zero (-0.0 is zero, NaN is not).
SPARSETRAIN_API void occupancy_mask(ConstTensorView tensor, MaskView mask, Workspace& workspace);

}  // namespace sparsetrain
