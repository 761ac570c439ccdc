// Weights that make a network's ReLUs leave given shares of zeros, without the training run that led there:
// to time it as it will be.
#pragma once

#include <span>
#include <vector>

#include "train/network.h"

namespace sparsetrain::train {

// Shifts what is before each ReLU, one after another in the order of the graph, by one value for all channels
// (the bias of batch normalisation, of a convolution, or a scalar), such that on these images, n times
// [C][H][W], in training mode, that share of its output is zero, in %; where a max pool alone reads it, of
// the pool's output. Returns what came out, which may differ a little: values are many, but not any number.
// Throws Error(invalid_argument) for more shares than ReLUs, shares outside of 0 to 99.9, another number of
// values, or a ReLU that nothing shifts.
std::vector<double> calibrate_zeros(Network& network, std::span<const float> images, int count,
                                    std::span<const double> percentages);

}  // namespace sparsetrain::train
