// Schedules for every x86-64 CPU: SSE2, whose 16 registers a vector of 16 channels takes four of. There are
// no zero-skip stages: every pass is dense. A register is left for the product, which SSE2 cannot add as it
// multiplies.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules::baseline {

// clang-format off
inline constexpr DenseRow kDense[] = {
    // class             pass         x_tile  k_vectors  pixels  chunk
    {"conv3x3_stride1", "fwd",         2,       1,      784,      0},
    {"conv3x3_stride1", "bwd_data",    2,       1,      784,      0},
    {"conv3x3_stride2", "fwd",         2,       1,      784,      0},
    {"conv3x3_stride2", "bwd_data",    2,       1,      784,      0},
    {"conv1x1_stride1", "fwd",         2,       1,      264,      8},
    {"conv1x1_stride1", "bwd_data",    2,       1,      264,      8},
    {"conv1x1_stride2", "fwd",         2,       1,      264,      8},
    {"conv1x1_stride2", "bwd_data",    2,       1,      784,      8},
    {"conv5x5_stride1", "fwd",         2,       1,      784,      0},
    {"conv5x5_stride1", "bwd_data",    2,       1,      784,      0},
    {"conv7x7_stride2", "fwd",         2,       1,      784,      0},
};

inline constexpr DenseWeightsRow kDenseWeights[] = {
    // class             pass         c_lanes  tap_columns  k_vectors  pixels
    {"conv3x3_stride1", "bwd_weights",   1,         2,        1,     784},
    {"conv3x3_stride2", "bwd_weights",   1,         2,        1,     784},
    {"conv1x1_stride1", "bwd_weights",   2,         1,        1,     784},
    {"conv1x1_stride2", "bwd_weights",   2,         1,        1,     784},
    {"conv5x5_stride1", "bwd_weights",   1,         2,        1,     784},
    {"conv7x7_stride2", "bwd_weights",   1,         2,        1,     784},
};

inline constexpr DensePlanarRow kDensePlanar[] = {
    // class             pass         x_tile  k_vectors  pixels
    {"conv3x3_stride1", "fwd",         2,       1,      784},
    {"conv3x3_stride2", "fwd",         2,       1,      784},
    {"conv5x5_stride1", "fwd",         2,       1,      784},
    {"conv7x7_stride2", "fwd",         2,       1,      784},
};

inline constexpr DensePlanarWeightsRow kDensePlanarWeights[] = {
    // class             pass         tap_rows  tap_columns  k_vectors  pixels
    {"conv3x3_stride1", "bwd_weights",   1,          2,         1,      784},
    {"conv3x3_stride2", "bwd_weights",   1,          2,         1,      784},
    {"conv5x5_stride1", "bwd_weights",   1,          2,         1,      784},
    {"conv7x7_stride2", "bwd_weights",   1,          2,         1,      784},
};
// clang-format on

inline constexpr Tables kTables = {
    .name = "baseline",
    .isa = "baseline",
    .l1_bytes = 32 * 1024,
    .slab_bytes = 24 * 1024,
    .broadcast_from_memory = false,
    .dense = kDense,
    .dense_weights = kDenseWeights,
    .dense_planar = kDensePlanar,
    .dense_planar_weights = kDensePlanarWeights,
    .zero_skip = {},
    .output_mask = {},
    .zero_skip_weights = {},
};

}  // namespace sparsetrain::schedules::baseline
