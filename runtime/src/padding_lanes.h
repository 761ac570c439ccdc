// Lanes beyond the last channel are zero whatever the operands hold. A kernel computes them like all others,
// and where an operand is not finite their sums are NaN, which a later layer would spread to real channels.
// So they are cleared behind the kernels, in the last block of channels; where channels are whole blocks,
// this does nothing.
#pragma once

#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::detail {

// `function` is the caller that errors name.
void clear_padding_lanes(const char* function, TensorView tensor, Workspace& workspace);
void clear_padding_lanes(const char* function, WeightsView weights, Workspace& workspace);
void clear_padding_bits(const char* function, MaskView mask, Workspace& workspace);

}  // namespace sparsetrain::detail
