// Conversions between plain NCHW arrays and the NCHW16c tensors that the library computes on.
//
// Both throw Error(invalid_argument) for sizes below 1, a null or misaligned pointer (4 bytes for NCHW, 64
// for NCHW16c), another layout, or arrays that overlap.
#pragma once

#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// `src` is dense float [N][C][H][W] of dst's shape. The lanes that pad C to 16 become zero.
SPARSETRAIN_API void nchw_to_nchw16c(const float* src, TensorView dst, Workspace& workspace);

// `dst` is dense float [N][C][H][W] of src's shape.
SPARSETRAIN_API void nchw16c_to_nchw(ConstTensorView src, float* dst, Workspace& workspace);

}  // namespace sparsetrain
