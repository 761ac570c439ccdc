// Schedules for CPUs with AVX2 and FMA (the x86-64-v3 feature set): 16 registers, of which a vector of 16
// channels takes two. Rows were chosen on a shared Zen 3 server core.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules::avx2 {

// clang-format off
inline constexpr DenseRow kDense[] = {
    // class             pass         x_tile  k_vectors  pixels  chunk
    {"conv3x3_stride1", "fwd",         3,       2,      784,      0},
    {"conv3x3_stride1", "bwd_data",    3,       2,      784,      0},
    {"conv3x3_stride2", "fwd",         3,       2,      784,      0},
    {"conv3x3_stride2", "bwd_data",    6,       1,      784,      0},
    {"conv1x1_stride1", "fwd",         3,       2,      264,      8},
    {"conv1x1_stride1", "bwd_data",    3,       2,      264,      8},
    {"conv1x1_stride2", "fwd",         3,       2,      264,      8},
    {"conv1x1_stride2", "bwd_data",    6,       1,      784,      8},
    {"conv5x5_stride1", "fwd",         3,       2,      784,      0},
    {"conv5x5_stride1", "bwd_data",    3,       2,      784,      0},
    {"conv7x7_stride2", "fwd",         3,       2,      784,      0},
};

inline constexpr DenseWeightsRow kDenseWeights[] = {
    // class             pass         c_lanes  tap_columns  k_vectors  pixels
    {"conv3x3_stride1", "bwd_weights",   2,         3,        1,     784},
    {"conv3x3_stride2", "bwd_weights",   2,         3,        1,     784},
    {"conv1x1_stride1", "bwd_weights",   4,         1,        1,     784},
    {"conv1x1_stride2", "bwd_weights",   4,         1,        1,     784},
    {"conv5x5_stride1", "bwd_weights",   1,         5,        1,     784},
    {"conv7x7_stride2", "bwd_weights",   1,         4,        1,     784},
};

inline constexpr DensePlanarRow kDensePlanar[] = {
    // class             pass         x_tile  k_vectors  pixels
    {"conv3x3_stride1", "fwd",         3,       2,     1568},
    {"conv3x3_stride2", "fwd",         3,       2,      784},
    {"conv5x5_stride1", "fwd",         3,       2,      784},
    {"conv7x7_stride2", "fwd",         3,       2,      784},
};

inline constexpr DensePlanarWeightsRow kDensePlanarWeights[] = {
    // class             pass         tap_rows  tap_columns  k_vectors  pixels
    {"conv3x3_stride1", "bwd_weights",   2,          3,         1,     3136},
    {"conv3x3_stride2", "bwd_weights",   2,          3,         1,     3136},
    {"conv5x5_stride1", "bwd_weights",   1,          5,         1,     3136},
    {"conv7x7_stride2", "bwd_weights",   3,          2,         1,     3136},
};

// fwd at stride 2, 7 rows and 200 pixels against 14 and 400: equal at 50 % zeros, 2 to 5 % faster at 80 %, 3 to
// 12 % at 90 % (128-128, 56x56 and 256-256, 28x28).
inline constexpr ZeroSkipRow kZeroSkip[] = {
    // class             pass       blocking  most_channels  group  k_vectors  rows  pixels
    {"conv3x3_stride1", "fwd",      "wide",   32,             32,    2,        14,    400},
    {"conv3x3_stride1", "fwd",      "narrow", kAnyChannels,   64,    2,        14,    400},
    {"conv3x3_stride1", "bwd_data", "wide",   32,             32,    2,        14,    400},
    {"conv3x3_stride1", "bwd_data", "narrow", kAnyChannels,   64,    2,        14,    400},
    {"conv3x3_stride2", "fwd",      "wide",   kAnyChannels,   64,    2,        7,     200},
    {"conv3x3_stride2", "bwd_data", "wide",   kAnyChannels,   64,    2,        14,    400},
    {"conv1x1_stride1", "fwd",      "wide",   kAnyChannels,   64,    4,        1,     256},
    {"conv1x1_stride1", "fwd",      "narrow", kAnyChannels,   64,    2,        1,     256},
    {"conv1x1_stride1", "bwd_data", "wide",   kAnyChannels,   64,    4,        1,     256},
    {"conv1x1_stride1", "bwd_data", "narrow", kAnyChannels,   64,    2,        1,     256},
    {"conv1x1_stride2", "fwd",      "wide",   kAnyChannels,   64,    4,        7,     400},
    {"conv1x1_stride2", "fwd",      "narrow", kAnyChannels,   64,    2,        7,     400},
    {"conv1x1_stride2", "bwd_data", "wide",   kAnyChannels,   64,    4,        14,    800},
    {"conv1x1_stride2", "bwd_data", "narrow", kAnyChannels,   64,    2,        14,    800},
    {"conv5x5_stride1", "fwd",      "wide",   kAnyChannels,   64,    1,        14,    400},
    {"conv5x5_stride1", "bwd_data", "wide",   kAnyChannels,   64,    1,        14,    400},
};

inline constexpr OutputMaskRow kOutputMask[] = {
    // class             pass       group  tap_rows  vectors  rows  pixels
    {"conv3x3_stride1", "bwd_data",   64,     1,        6,     28,   784},
    {"conv3x3_stride2", "bwd_data",   64,     1,        6,     28,   784},
    {"conv1x1_stride1", "bwd_data",   64,     1,        6,     28,   784},
    {"conv1x1_stride2", "bwd_data",   64,     1,        6,     28,   784},
    {"conv5x5_stride1", "bwd_data",   64,     1,        5,     28,   784},
};

inline constexpr ZeroSkipWeightsRow kZeroSkipWeights[] = {
    // class             pass          tap_rows  k_vectors  rows
    {"conv3x3_stride1", "bwd_weights",    1,         2,       8},
    {"conv3x3_stride2", "bwd_weights",    1,         2,       4},
    {"conv1x1_stride1", "bwd_weights",    1,         4,       4},
    {"conv1x1_stride2", "bwd_weights",    1,         4,       4},
    {"conv5x5_stride1", "bwd_weights",    1,         1,       8},
};
// clang-format on

inline constexpr Tables kTables = {
    .name = "avx2",
    .isa = "avx2",
    .l1_bytes = 32 * 1024,
    .slab_bytes = 24 * 1024,
    .broadcast_from_memory = false,
    .dense = kDense,
    .dense_weights = kDenseWeights,
    .dense_planar = kDensePlanar,
    .dense_planar_weights = kDensePlanarWeights,
    .zero_skip = kZeroSkip,
    .output_mask = kOutputMask,
    .zero_skip_weights = kZeroSkipWeights,
};

}  // namespace sparsetrain::schedules::avx2
