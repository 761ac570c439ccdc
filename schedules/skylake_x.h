// Schedules for Skylake-X, Cascade Lake and Cooper Lake: as avx512.h, with two zmm FMAs and two zmm loads per
// cycle, but 32 KB of L1 as in zen4.h. No such core was at hand: where rows of avx512.h do not fit 32 KB,
// they are those of zen4.h or narrower groups of channels that meet as many sums, as the latency of two FMAs
// per cycle wants. `sparsetrain tune` measures them on a core of yours.
#pragma once

#include "schedules/as_but.h"
#include "schedules/avx512.h"
#include "schedules/zen4.h"

namespace sparsetrain::schedules::skylake_x {

// clang-format off
inline constexpr auto kZeroSkip = as_but(avx512::kZeroSkip, {
    // class             pass       blocking  most_channels  group  k_vectors  rows  pixels
    {"conv3x3_stride2", "fwd",      "wide",   kAnyChannels,   32,    4,        14,    400},
    {"conv1x1_stride1", "fwd",      "wide",   kAnyChannels,   32,    8,        1,     256},
    {"conv1x1_stride1", "bwd_data", "wide",   kAnyChannels,   32,    8,        1,     256},
    {"conv1x1_stride2", "fwd",      "wide",   kAnyChannels,   32,    8,        7,     400},
    {"conv1x1_stride2", "bwd_data", "wide",   kAnyChannels,   32,    8,        7,     400},
});

inline constexpr auto kZeroSkipWeights = as_but(avx512::kZeroSkipWeights, {
    // class             pass          tap_rows  k_vectors  rows
    {"conv3x3_stride1", "bwd_weights",    3,         2,       8},
});
// clang-format on

inline constexpr Tables kTables = {
    .name = "skylake_x",
    .isa = "avx512",
    .l1_bytes = 32 * 1024,
    .slab_bytes = 24 * 1024,
    .broadcast_from_memory = true,
    .dense = avx512::kDense,
    .dense_weights = avx512::kDenseWeights,
    .dense_planar = avx512::kDensePlanar,
    .dense_planar_weights = avx512::kDensePlanarWeights,
    .zero_skip = kZeroSkip,
    .output_mask = zen4::kOutputMask,
    .zero_skip_weights = kZeroSkipWeights,
};

}  // namespace sparsetrain::schedules::skylake_x
