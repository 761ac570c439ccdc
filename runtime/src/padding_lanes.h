// Lanes beyond the last channel are zero whatever the operands hold. A kernel computes them like all others,
// and where an operand is not finite their sums are NaN, which a later layer would spread to real channels.
// Pipelines of fwd and bwd_data leave them out as they store (generators/epilogue.h); behind the others they
// are cleared, in the last block of channels. Where channels are whole blocks, this does nothing.
#pragma once

#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::detail {

// `function` is the caller that errors name.
void clear_padding_lanes(const char* function, TensorView tensor, Workspace& workspace);
void clear_padding_lanes(const char* function, WeightsView weights, Workspace& workspace);

}  // namespace sparsetrain::detail
