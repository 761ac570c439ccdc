// How `auto` decides: zeros observed in the sparse operand against the crossover of a schedule row.
#pragma once

#include "sparsetrain/conv2d.h"

namespace sparsetrain::detail {

// Percentage of zeros among the channels of `input` (the lanes that pad them do not count): from the clear
// bits of its mask if it has one, else from at most 1/64 of the rows (or one row, if there are fewer), spread
// evenly.
double observe_zeros(const SparseInput& input);

// The kernel for `zeros` percent. Within 2 points of the crossover the previous choice stays, so that a layer
// whose sparsity hovers there does not repack its weights in every step.
Kernel choose_kernel(double zeros, double crossover, const Kernel* previous);

// The sparser of bwd_weights' operands, by their percentages of zeros. Within 2 points of each other the
// previous choice stays.
Operand choose_operand(double zeros_src, double zeros_diff_dst, const Operand* previous);

}  // namespace sparsetrain::detail
