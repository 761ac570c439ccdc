// Dropout: elements are zero with a probability, and the others larger, so that sums keep their expectation.
//
// Every function throws Error(invalid_argument) for tensors whose shapes differ or hold a size below 1, a
// null or misaligned pointer, another layout, a rate that is not from 0 to below 1, or an output that
// overlaps another argument. But the tensor that is written may be the one that is read: the same pointer, to
// work in place.
#pragma once

#include <cstdint>

#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// dst = src / (1 - rate) where an element is kept, zero elsewhere. What is kept depends on the seed and the
// element's place alone: not on threads, the CPU or the values. `kept`, which the backward needs, has a bit
// where an element is kept, so it is an occupancy mask of dst; and where src has the mask of a ReLU, only of
// the elements in that: then the backward applies that ReLU's, too.
SPARSETRAIN_API void dropout_forward(SparseInput src, float rate, std::uint64_t seed, TensorView dst,
                                     MaskView kept, Workspace& workspace);

// diff_src = diff_dst / (1 - rate) where `kept` has a bit, zero elsewhere.
SPARSETRAIN_API void dropout_backward(ConstTensorView diff_dst, float rate, ConstMaskView kept,
                                      TensorView diff_src, Workspace& workspace);

}  // namespace sparsetrain
