// Schedules for Skylake-X, Cascade Lake and Cooper Lake: two zmm FMAs and two zmm loads per cycle as in
// avx512.h, but 32 KB of L1 as in zen4.h. No such core was at hand: rows are those of avx512.h where they fit
// 32 KB, else of zen4.h or narrower groups of channels that meet as many sums, as the latency of two FMAs per
// cycle wants; crossovers are those of avx512.h. `sparsetrain tune` measures both on a core of yours.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules::skylake_x {

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

inline constexpr ZeroSkipRow kZeroSkip[] = {
    // class             pass       blocking  most_channels  group  k_vectors  rows  pixels  crossover
    {"conv3x3_stride1", "fwd",      "wide",   kAnyChannels,   32,    4,        14,    400,   {11, 7}},
    {"conv3x3_stride1", "fwd",      "narrow", kAnyChannels,   64,    2,        14,    400,   {25, 0}},
    {"conv3x3_stride1", "bwd_data", "wide",   kAnyChannels,   32,    4,        14,    400,   {9, 8}},
    {"conv3x3_stride1", "bwd_data", "narrow", kAnyChannels,   64,    2,        14,    400,   {25, 0}},
    {"conv3x3_stride2", "fwd",      "wide",   kAnyChannels,   32,    4,        14,    400,   {30, 2}},
    {"conv3x3_stride2", "bwd_data", "wide",   kAnyChannels,   32,    4,        14,    400,   {16, 4}},
    {"conv1x1_stride1", "fwd",      "wide",   kAnyChannels,   32,    8,        1,     256,   {23, 25}},
    {"conv1x1_stride1", "fwd",      "narrow", kAnyChannels,   64,    4,        1,     256,   {39, 15}},
    {"conv1x1_stride1", "bwd_data", "wide",   kAnyChannels,   32,    8,        1,     256,   {23, 25}},
    {"conv1x1_stride1", "bwd_data", "narrow", kAnyChannels,   64,    4,        1,     256,   {39, 20}},
    {"conv1x1_stride2", "fwd",      "wide",   kAnyChannels,   32,    8,        7,     400,   {12, 25}},
    {"conv1x1_stride2", "fwd",      "narrow", kAnyChannels,   64,    4,        7,     400,   {30, 20}},
    {"conv1x1_stride2", "bwd_data", "wide",   kAnyChannels,   32,    8,        7,     400,   {32, 20}},
    {"conv1x1_stride2", "bwd_data", "narrow", kAnyChannels,   64,    4,        7,     400,   {45, 20}},
    {"conv5x5_stride1", "fwd",      "wide",   kAnyChannels,   32,    2,        14,    400,   {13.5, 0}},
    {"conv5x5_stride1", "bwd_data", "wide",   kAnyChannels,   32,    2,        14,    400,   {13.5, 0}},
};

inline constexpr OutputMaskRow kOutputMask[] = {
    // class             pass       group  tap_rows  vectors  rows  pixels  crossover
    {"conv3x3_stride1", "bwd_data",   16,     3,       18,     28,   784,    {15, 11}},
    {"conv3x3_stride2", "bwd_data",   32,     2,       12,     28,   784,    {14, 40}},
    {"conv1x1_stride1", "bwd_data",   32,     1,       12,     28,   784,    {25, 54}},
    {"conv1x1_stride2", "bwd_data",   32,     1,       12,     28,   784,    {22, 50}},
    {"conv5x5_stride1", "bwd_data",   16,     5,       25,     28,   784,    {21, 0}},
};

inline constexpr ZeroSkipWeightsRow kZeroSkipWeights[] = {
    // class             pass          tap_rows  k_vectors  rows  crossover  narrow_crossover
    {"conv3x3_stride1", "bwd_weights",    3,         2,       8,    {12, 2},    12.0},
    {"conv3x3_stride2", "bwd_weights",    2,         4,       4,    {20, 22},   20.0},
    {"conv1x1_stride1", "bwd_weights",    1,         8,       4,    {26, 8},    24.0},
    {"conv1x1_stride2", "bwd_weights",    1,         8,       4,    {14, 8},    14.0},
    {"conv5x5_stride1", "bwd_weights",    5,         1,       8,    {20, 0},       10.0},
};
// clang-format on

inline constexpr Tables kTables = {
    .name = "skylake_x",
    .isa = "avx512",
    .registers = 32,
    .registers_per_vector = 1,
    .l1_bytes = 32 * 1024,
    .slab_bytes = 24 * 1024,
    .broadcast_from_memory = true,
    .dense = kDense,
    .dense_weights = kDenseWeights,
    .zero_skip = kZeroSkip,
    .output_mask = kOutputMask,
    .zero_skip_weights = kZeroSkipWeights,
};

}  // namespace sparsetrain::schedules::skylake_x
