// Conversions between plain arrays and what the library computes on: NCHW16c tensors, and weights in the
// master layout. The lanes that pad channels become zero.
//
// Every function throws Error(invalid_argument) for sizes below 1, a null or misaligned pointer (4 bytes for
// plain arrays, 64 for the others), another layout, or arrays that overlap.
#pragma once

#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// `src` is dense float [N][C][H][W] of dst's shape.
SPARSETRAIN_API void nchw_to_nchw16c(const float* src, TensorView dst, Workspace& workspace);

// `dst` is dense float [N][C][H][W] of src's shape.
SPARSETRAIN_API void nchw16c_to_nchw(ConstTensorView src, float* dst, Workspace& workspace);

// `src` is dense float [N][H][W][C] of dst's shape, "channels last".
SPARSETRAIN_API void nhwc_to_nchw16c(const float* src, TensorView dst, Workspace& workspace);

// `dst` is dense float [N][H][W][C] of src's shape.
SPARSETRAIN_API void nchw16c_to_nhwc(ConstTensorView src, float* dst, Workspace& workspace);

// `src` is dense float [K][C][R][S] of dst's shape.
SPARSETRAIN_API void oihw_to_weights(const float* src, WeightsView dst, Workspace& workspace);

// `dst` is dense float [K][C][R][S] of src's shape.
SPARSETRAIN_API void weights_to_oihw(ConstWeightsView src, float* dst, Workspace& workspace);

}  // namespace sparsetrain
