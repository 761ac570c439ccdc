// How many zeros there are in what a kernel would skip.
#pragma once

#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::detail {

// Percentage of zeros among the channels of `input` (the lanes that pad them do not count): from the clear
// bits of its mask if it has one, else from at most 1/64 of the rows (or one row, if there are fewer), spread
// evenly. Bits that are not known are counted on the threads of `workspace`.
double observe_zeros(const char* function, const SparseInput& input, Workspace& workspace);
double observe_zeros(const char* function, const ConstMaskView& mask, Workspace& workspace);

}  // namespace sparsetrain::detail
