// Schedules for Sapphire Rapids and the Intel server cores that followed: as avx512.h, with two zmm FMAs and
// two zmm loads per cycle (1.4 where each FMA has a load of its own) and 48 KB of L1, but slower L2 and
// memory. Found by `sparsetrain tune` and by hand, 2026-11-24, on one core of a shared server (a virtual
// machine with AMX). Speeds behind rows are geometric means over layers and percentages of zeros, relative to
// the tile sizes that are named there.
#pragma once

#include "schedules/as_but.h"
#include "schedules/avx512.h"

namespace sparsetrain::schedules::sapphire_rapids {

// clang-format off
inline constexpr auto kDense = as_but(avx512::kDense, {
    // class            pass        x_tile k_vectors pixels chunk
    {"conv3x3_stride1", "fwd",      7,     2,        784,   1},  // 1.08x of 7,2,784,0
    {"conv3x3_stride1", "bwd_data", 7,     2,        784,   2},  // 1.08x of 7,2,784,0
    {"conv3x3_stride2", "fwd",      7,     2,        392,   0},  // 1.02x of 7,2,784,0
    {"conv1x1_stride1", "fwd",      6,     4,        240,   16},  // 1.04x of 7,2,280,8 at 28x28 and 56x56
    {"conv1x1_stride1", "bwd_data", 6,     4,        240,   8},  // 1.04x of 7,2,280,8 at 28x28 and 56x56
    {"conv1x1_stride2", "fwd",      7,     2,        196,   8},  // 1.03x of 7,2,280,8
});

inline constexpr auto kDenseWeights = as_but(avx512::kDenseWeights, {
    // class            pass           c_lanes tap_columns k_vectors pixels
    {"conv3x3_stride2", "bwd_weights", 2,      3,          4,        784},  // 1.04x of 4,3,2,784
});

inline constexpr auto kZeroSkip = as_but(avx512::kZeroSkip, {
    // class            pass        blocking  most_channels group k_vectors rows pixels
    {"conv3x3_stride1", "fwd",      "wide",   kAnyChannels, 64,   4,        28,  400},  // 1.06x of 32,4,28,400
    {"conv3x3_stride1", "bwd_data", "wide",   kAnyChannels, 64,   4,        28,  400},  // 1.04x of 32,4,14,400
    {"conv3x3_stride2", "bwd_data", "wide",   kAnyChannels, 32,   4,        28,  1600},  // 1.09x of 32,4,14,400
    {"conv1x1_stride1", "fwd",      "wide",   kAnyChannels, 64,   8,        2,   400},  // 1.03x of 64,8,1,256
    {"conv1x1_stride1", "bwd_data", "wide",   kAnyChannels, 64,   8,        2,   400},  // 1.04x of 64,8,1,256
    {"conv1x1_stride2", "bwd_data", "wide",   kAnyChannels, 64,   8,        28,  800},  // 1.16x of 64,8,7,400
});

inline constexpr auto kZeroSkipWeights = as_but(avx512::kZeroSkipWeights, {
    // class            pass           tap_rows k_vectors rows
    {"conv3x3_stride1", "bwd_weights", 3,       2,        8},  // 1.01x of 3,2,16
    {"conv3x3_stride2", "bwd_weights", 2,       4,        8},  // 1.03x of 2,4,4
});
// clang-format on

inline constexpr Tables kTables = {
    .name = "sapphire_rapids",
    .isa = "avx512",
    .l1_bytes = 48 * 1024,
    .slab_bytes = 48 * 1024,
    .broadcast_from_memory = true,
    .dense = kDense,
    .dense_weights = kDenseWeights,
    .dense_planar = avx512::kDensePlanar,
    .dense_planar_weights = avx512::kDensePlanarWeights,
    .zero_skip = kZeroSkip,
    .output_mask = avx512::kOutputMask,
    .zero_skip_weights = kZeroSkipWeights,
};

}  // namespace sparsetrain::schedules::sapphire_rapids
