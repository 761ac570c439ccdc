// Schedules for any CPU with the Skylake server feature set. Crossovers are where conv_bench's speeds of
// zero_skip, interpolated between 0 and 30 % zeros, pass dense on a Zen 5 server core.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules {

// clang-format off
inline constexpr DenseRow kDense[] = {
    // class             pass         x_tile  k_vectors  pixels
    {"conv3x3_stride1", "fwd",           7,       2,      784},
    {"conv3x3_stride1", "bwd_data",      7,       2,      784},
};

inline constexpr DenseWeightsRow kDenseWeights[] = {
    // class             pass         c_lanes  k_vectors  rows
    {"conv3x3_stride1", "bwd_weights",   4,       2,      28},
};

// Deep groups halve the accumulators' loads and stores per FMA; of fewer channels than that, shallow ones
// make up for it with more output channels.
inline constexpr ScatterRow kScatter[] = {
    // class             pass       blocking   most_channels  group  k_vectors  rows  pixels  crossover
    {"conv3x3_stride1", "fwd",      "shallow",      32,        32,      4,       14,   400,    14.0},
    {"conv3x3_stride1", "fwd",      "deep",    kAnyChannels,   64,      2,       14,   400,    14.0},
    {"conv3x3_stride1", "bwd_data", "shallow",      32,        32,      4,       14,   400,    14.0},
    {"conv3x3_stride1", "bwd_data", "deep",    kAnyChannels,   64,      2,       14,   400,    14.0},
};

inline constexpr OutputMaskRow kOutputMask[] = {
    // class             pass        k_vectors  rows  pixels  crossover
    {"conv3x3_stride1", "bwd_data",     2,       28,   784,    25.0},
};

inline constexpr PixelScanRow kPixelScan[] = {
    // class             pass         k_vectors  rows  crossover
    {"conv3x3_stride1", "bwd_weights",    2,       8,    12.0},
};
// clang-format on

}  // namespace sparsetrain::schedules
