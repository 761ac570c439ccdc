// Schedules for Zen 4, AVX-512 in a core that begins one zmm FMA and one zmm load per cycle: dense ones and
// those of bwd_weights as in avx512.h, but for the rows here. Rows of conv3x3_stride1 were measured on a
// server core; those of the other classes follow from the budgets, and their costs are estimates.
#pragma once

#include "schedules/as_but.h"
#include "schedules/avx512.h"

namespace sparsetrain::schedules::zen4 {

// clang-format off
inline constexpr auto kDense = as_but(avx512::kDense, {
    // class             pass         x_tile  k_vectors  pixels  chunk
    {"conv1x1_stride2", "bwd_data",    7,       2,      280,      8},
});

inline constexpr auto kDenseWeights = as_but(avx512::kDenseWeights, {
    // class             pass         c_lanes  tap_columns  k_vectors  pixels
    {"conv1x1_stride1", "bwd_weights",   8,         1,        3,     196},
    {"conv1x1_stride2", "bwd_weights",   8,         1,        3,     196},
});

// Groups of 64 halve the accumulators' loads and stores per FMA: of 64 channels or more, no other blocking was
// faster at any percentage of zeros by more than 1 %. GFLOP/s of the stages alone at 0 / 50 / 80 / 90 %, by group x k_vectors:
//                     64 x 2                 32 x 4                 32 x 2                 16 x 4
//   256-256, 56x56    102 / 196 / 449 / 828  100 / 194 / 440 / 769  102 / 194 / 429 / 738  101 / 191 / 416 / 672
//   64-64, 56x56       99 / 188 / 405 / 671   99 / 183 / 380 / 602   98 / 183 / 384 / 577   96 / 176 / 357 / 510
//   256-256, 14x14    108 / 210 / 472 / 818  109 / 202 / 452 / 757  107 / 202 / 446 / 737  107 / 198 / 418 / 651
// Of fewer channels than that, narrower groups make up for it with more output channels:
//   32-64, 28x28       97 / 182 / 403 / 632   98 / 180 / 417 / 695
// The costs are those of 64 x 2; others were not measured. Fwd at stride 2 sweeps even and odd pixels on
// their own, with two filter columns and with one: 4 vectors, or odd ones would wait for the FMAs' latency.
inline constexpr ZeroSkipRow kZeroSkip[] = {
    // class             pass       blocking  most_channels  group  k_vectors  rows  pixels
    {"conv3x3_stride1", "fwd",      "wide",   32,             32,    4,        14,    400},
    {"conv3x3_stride1", "fwd",      "narrow", kAnyChannels,   64,    2,        14,    400},
    {"conv3x3_stride1", "bwd_data", "wide",   32,             32,    4,        14,    400},
    {"conv3x3_stride1", "bwd_data", "narrow", kAnyChannels,   64,    2,        14,    400},
    {"conv3x3_stride2", "fwd",      "wide",   kAnyChannels,   32,    4,        14,    400},
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

// 28 rows against 14: 3 to 5 % at 512-512, 28x28, nothing at 256-256, 56x56. Three vectors in registers leave
// no room for their weights in L1: 3 % slower at 80 %, 8 % at 90 %.
inline constexpr OutputMaskRow kOutputMask[] = {
    // class             pass       group  tap_rows  vectors  rows  pixels
    {"conv3x3_stride1", "bwd_data",   16,     3,       18,     28,   784},
    {"conv3x3_stride2", "bwd_data",   32,     2,       12,     28,   784},
    {"conv1x1_stride1", "bwd_data",   32,     1,       12,     28,   784},
    {"conv1x1_stride2", "bwd_data",   32,     1,       12,     28,   784},
    {"conv5x5_stride1", "bwd_data",   16,     5,       25,     28,   784},
};

inline constexpr auto kZeroSkipWeights = as_but(avx512::kZeroSkipWeights, {
    // class             pass          tap_rows  k_vectors  rows
    {"conv3x3_stride1", "bwd_weights",    3,         2,       8},
    {"conv1x1_stride1", "bwd_weights",    1,         4,       4},
    {"conv1x1_stride2", "bwd_weights",    1,         4,       4},
});
// clang-format on

inline constexpr Tables kTables = {
    .name = "zen4",
    .isa = "avx512",
    .l1_bytes = 32 * 1024,
    .slab_bytes = 24 * 1024,
    .broadcast_from_memory = false,
    .dense = kDense,
    .dense_weights = kDenseWeights,
    .dense_planar = avx512::kDensePlanar,
    .dense_planar_weights = avx512::kDensePlanarWeights,
    .zero_skip = kZeroSkip,
    .output_mask = kOutputMask,
    .zero_skip_weights = kZeroSkipWeights,
};

}  // namespace sparsetrain::schedules::zen4
