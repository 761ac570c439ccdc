// Schedules for CPUs with the Skylake server feature set that have no tables of their own: cores that begin
// two zmm FMAs and two zmm loads per cycle, as Zen 5, on a server core of which the rows were measured, and
// Ice Lake, with 48 KB of L1. An FMA takes 4 cycles, so a nonzero should meet 8 sums or
// more; every fixed cost weighs twice as much as on Zen 4.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules::avx512 {

// clang-format off
inline constexpr DenseRow kDense[] = {
    // class             pass         x_tile  k_vectors  pixels  chunk
    {"conv3x3_stride1", "fwd",         7,       2,      784,      0},
    {"conv3x3_stride1", "bwd_data",    7,       2,      784,      0},
    {"conv3x3_stride2", "fwd",         7,       2,      784,      0},
    {"conv3x3_stride2", "bwd_data",    7,       2,      784,      0},
    {"conv1x1_stride1", "fwd",         7,       2,      280,      8},
    {"conv1x1_stride1", "bwd_data",    7,       2,      280,      8},
    {"conv1x1_stride2", "fwd",         7,       2,      280,      8},
    {"conv1x1_stride2", "bwd_data",    7,       2,     1120,      8},
    {"conv5x5_stride1", "fwd",         7,       2,      784,      0},
    {"conv5x5_stride1", "bwd_data",    7,       2,      784,      0},
    {"conv7x7_stride2", "fwd",         7,       2,      784,      0},
};

inline constexpr DenseWeightsRow kDenseWeights[] = {
    // class             pass         c_lanes  tap_columns  k_vectors  pixels
    {"conv3x3_stride1", "bwd_weights",   4,         3,        2,     784},
    {"conv3x3_stride2", "bwd_weights",   4,         3,        2,     784},
    {"conv1x1_stride1", "bwd_weights",   8,         1,        2,     196},
    {"conv1x1_stride2", "bwd_weights",   8,         1,        2,     196},
    {"conv5x5_stride1", "bwd_weights",   2,         5,        2,     784},
    {"conv7x7_stride2", "bwd_weights",   2,         7,        2,     784},
};

inline constexpr DensePlanarRow kDensePlanar[] = {
    // class             pass         x_tile  k_vectors  pixels
    {"conv3x3_stride1", "fwd",         7,       2,     1568},
    {"conv3x3_stride2", "fwd",         7,       2,     1568},
    {"conv5x5_stride1", "fwd",         7,       2,     1568},
    {"conv7x7_stride2", "fwd",         7,       2,     1568},
};

inline constexpr DensePlanarWeightsRow kDensePlanarWeights[] = {
    // class             pass         tap_rows  tap_columns  k_vectors  pixels
    {"conv3x3_stride1", "bwd_weights",   3,          3,         2,     3136},
    {"conv3x3_stride2", "bwd_weights",   3,          3,         2,     3136},
    {"conv5x5_stride1", "bwd_weights",   2,          5,         2,     3136},
    {"conv7x7_stride2", "bwd_weights",   2,          7,         2,     3136},
};

inline constexpr ZeroSkipRow kZeroSkip[] = {
    // class             pass       blocking  most_channels  group  k_vectors  rows  pixels
    {"conv3x3_stride1", "fwd",      "wide",   kAnyChannels,   32,    4,        14,    400},
    {"conv3x3_stride1", "fwd",      "narrow", kAnyChannels,   64,    2,        14,    400},
    {"conv3x3_stride1", "bwd_data", "wide",   kAnyChannels,   32,    4,        14,    400},
    {"conv3x3_stride1", "bwd_data", "narrow", kAnyChannels,   64,    2,        14,    400},
    {"conv3x3_stride2", "fwd",      "wide",   kAnyChannels,   64,    4,        14,    400},
    {"conv3x3_stride2", "bwd_data", "wide",   kAnyChannels,   32,    4,        14,    400},
    {"conv1x1_stride1", "fwd",      "wide",   kAnyChannels,   64,    8,        1,     256},
    {"conv1x1_stride1", "fwd",      "narrow", kAnyChannels,   64,    4,        1,     256},
    {"conv1x1_stride1", "bwd_data", "wide",   kAnyChannels,   64,    8,        1,     256},
    {"conv1x1_stride1", "bwd_data", "narrow", kAnyChannels,   64,    4,        1,     256},
    {"conv1x1_stride2", "fwd",      "wide",   kAnyChannels,   64,    8,        7,     400},
    {"conv1x1_stride2", "fwd",      "narrow", kAnyChannels,   64,    4,        7,     400},
    {"conv1x1_stride2", "bwd_data", "wide",   kAnyChannels,   64,    8,        7,     400},
    {"conv1x1_stride2", "bwd_data", "narrow", kAnyChannels,   64,    4,        7,     400},
    {"conv5x5_stride1", "fwd",      "wide",   kAnyChannels,   32,    2,        14,    400},
    {"conv5x5_stride1", "bwd_data", "wide",   kAnyChannels,   32,    2,        14,    400},
};

inline constexpr OutputMaskRow kOutputMask[] = {
    // class             pass       group  tap_rows  vectors  rows  pixels
    {"conv3x3_stride1", "bwd_data",   32,     3,       18,     28,   784},
    {"conv3x3_stride2", "bwd_data",   32,     2,       16,     28,   784},
    {"conv1x1_stride1", "bwd_data",   32,     1,       16,     28,   784},
    {"conv1x1_stride2", "bwd_data",   32,     1,       16,     28,   784},
    {"conv5x5_stride1", "bwd_data",   16,     5,       25,     28,   784},
};

inline constexpr ZeroSkipWeightsRow kZeroSkipWeights[] = {
    // class             pass          tap_rows  k_vectors  rows
    {"conv3x3_stride1", "bwd_weights",    3,         2,      16},
    {"conv3x3_stride2", "bwd_weights",    2,         4,       4},
    {"conv1x1_stride1", "bwd_weights",    1,         8,       4},
    {"conv1x1_stride2", "bwd_weights",    1,         8,       4},
    {"conv5x5_stride1", "bwd_weights",    5,         1,       8},
};
// clang-format on

inline constexpr Tables kTables = {
    .name = "avx512",
    .isa = "avx512",
    .l1_bytes = 48 * 1024,
    .slab_bytes = 36 * 1024,
    .broadcast_from_memory = true,
    .dense = kDense,
    .dense_weights = kDenseWeights,
    .dense_planar = kDensePlanar,
    .dense_planar_weights = kDensePlanarWeights,
    .zero_skip = kZeroSkip,
    .output_mask = kOutputMask,
    .zero_skip_weights = kZeroSkipWeights,
};

}  // namespace sparsetrain::schedules::avx512
