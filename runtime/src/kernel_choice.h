// How `auto` decides: zeros observed in what a kernel would skip against the crossovers of schedule rows.
#pragma once

#include <span>

#include "conv_kernel.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain::detail {

// Percentage of zeros among the channels of `input` (the lanes that pad them do not count): from the clear
// bits of its mask if it has one, else from at most 1/64 of the rows (or one row, if there are fewer), spread
// evenly.
double observe_zeros(const SparseInput& input);
double observe_zeros(const ConstMaskView& mask);

// A kernel other than dense, with `zeros` percent of what it would skip. At `crossover` percent it is as fast
// as dense.
struct Candidate {
    const ConvKernel* kernel;
    double zeros;
    double crossover;
};

// The candidate with the least work left per work at its crossover, or null if that is more than dense's. The
// previous choice has 2 points of zeros in advance (dense: all others have 2 fewer), so that a layer whose
// sparsity hovers does not change its kernel, whose weights and code are cold, in every step.
const Candidate* choose_kernel(std::span<const Candidate> candidates, const ConvKernel* previous);

}  // namespace sparsetrain::detail
