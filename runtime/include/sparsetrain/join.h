// Where paths of a network meet: residual sums, and gradients of a value that several paths read.
//
// Every function throws Error(invalid_argument) for tensors whose shapes differ or hold a size below 1, a
// null or misaligned pointer, another layout, or an output that overlaps another argument. But the tensor
// that is written may be either of those that are added: the same pointer, to work in place.
#pragma once

#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// dst = max(0, a + b) and its exact occupancy mask. NaN stays NaN, and its bit is set. Its backward is
// relu_backward, whose result is the gradient of both a and b.
SPARSETRAIN_API void add_relu(ConstTensorView a, ConstTensorView b, TensorView dst, MaskView dst_mask,
                              Workspace& workspace);

// The gradient of a value that two paths read, from those of the paths: sum = a + b where `relu_mask`, the
// mask of the ReLU that made the value, has a bit; zero elsewhere. So relu_mask is also an occupancy mask of
// the sum. Without a mask (relu_mask without data) sum = a + b everywhere.
SPARSETRAIN_API void add_gradients(ConstTensorView a, ConstTensorView b, ConstMaskView relu_mask,
                                   TensorView sum, Workspace& workspace);

}  // namespace sparsetrain
