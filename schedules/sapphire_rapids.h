// Schedules for Sapphire Rapids and the Intel server cores that followed: two zmm FMAs and two zmm loads per
// cycle and 48 KB of L1 as in avx512.h, but slower L2 and memory. Found by `sparsetrain tune`, 2026-11-24, on
// one core of a shared server (a virtual machine with AMX), in 13 minutes, 191 rows tried. Speeds behind rows
// are geometric means over layers and percentages of zeros, relative to the tile sizes of avx512.h, which are
// named there; rows without one are theirs. All crossovers but the narrow ones at a stride and of 5x5 were
// measured: the line over channels below which zero-skip lost on any layer.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules::sapphire_rapids {

// clang-format off
inline constexpr DenseRow kDense[] = {
    // class            pass        x_tile k_vectors pixels chunk
    {"conv3x3_stride1", "fwd",      7,     2,        784,   1},
    {"conv3x3_stride1", "bwd_data", 7,     2,        784,   2},
    {"conv3x3_stride2", "fwd",      7,     2,        392,   0},  // 1.02x of 7,2,784,0
    {"conv3x3_stride2", "bwd_data", 7,     2,        784,   0},
    {"conv1x1_stride1", "fwd",      6,     4,        240,   16},  // 1.01x of 7,2,280,8
    {"conv1x1_stride1", "bwd_data", 6,     4,        240,   8},
    {"conv1x1_stride2", "fwd",      7,     2,        280,   8},
    {"conv1x1_stride2", "bwd_data", 7,     2,        1120,  8},
    {"conv5x5_stride1", "fwd",      7,     2,        784,   0},
    {"conv5x5_stride1", "bwd_data", 7,     2,        784,   0},
    {"conv7x7_stride2", "fwd",      7,     2,        784,   0},
};

inline constexpr DenseWeightsRow kDenseWeights[] = {
    // class            pass           c_lanes tap_columns k_vectors pixels
    {"conv3x3_stride1", "bwd_weights", 4,      3,          2,        784},
    {"conv3x3_stride2", "bwd_weights", 2,      3,          4,        784},  // 1.04x of 4,3,2,784
    {"conv1x1_stride1", "bwd_weights", 8,      1,          2,        196},
    {"conv1x1_stride2", "bwd_weights", 8,      1,          2,        196},
    {"conv5x5_stride1", "bwd_weights", 2,      5,          2,        784},
    {"conv7x7_stride2", "bwd_weights", 2,      7,          2,        784},
};

// The narrow blocking of 3x3 stride 1 was measured with few channels: with many it has the wide one's crossover.
inline constexpr ScatterRow kScatter[] = {
    // class            pass        blocking  most_channels group k_vectors rows pixels crossover
    {"conv3x3_stride1", "fwd",      "wide",   kAnyChannels, 64,   4,        28,  400,   {29, 15}},  // 1.01x of 32,4,14,400
    {"conv3x3_stride1", "fwd",      "narrow", kAnyChannels, 64,   2,        14,  400,   {29, 26}},
    {"conv3x3_stride1", "bwd_data", "wide",   kAnyChannels, 64,   4,        28,  400,   {27, 12}},
    {"conv3x3_stride1", "bwd_data", "narrow", kAnyChannels, 64,   2,        14,  400,   {27, 26}},
    {"conv3x3_stride2", "fwd",      "wide",   kAnyChannels, 64,   4,        14,  400,   {37, 8}},
    {"conv3x3_stride2", "bwd_data", "wide",   kAnyChannels, 64,   4,        28,  1600,  {14, 43}},  // 1.09x of 32,4,14,400
    {"conv1x1_stride1", "fwd",      "wide",   kAnyChannels, 64,   8,        1,   400,   {37, 27}},  // 1.03x of 64,8,1,256
    {"conv1x1_stride1", "fwd",      "narrow", kAnyChannels, 64,   4,        1,   256,   {49.5, 34.5}},
    {"conv1x1_stride1", "bwd_data", "wide",   kAnyChannels, 64,   8,        1,   400,   {36.5, 36}},  // 1.04x of 64,8,1,256
    {"conv1x1_stride1", "bwd_data", "narrow", kAnyChannels, 64,   4,        1,   256,   {46.5, 32}},
    {"conv1x1_stride2", "fwd",      "wide",   kAnyChannels, 64,   8,        7,   400,   {20, 21}},
    {"conv1x1_stride2", "fwd",      "narrow", kAnyChannels, 64,   4,        7,   400,   {36, 0}},
    {"conv1x1_stride2", "bwd_data", "wide",   kAnyChannels, 64,   8,        28,  800,   {31.5, 0}},  // 1.16x of 64,8,7,400
    {"conv1x1_stride2", "bwd_data", "narrow", kAnyChannels, 64,   4,        7,   400,   {61, 0}},
    {"conv5x5_stride1", "fwd",      "wide",   kAnyChannels, 32,   2,        14,  400,   {19, 8.5}},
    {"conv5x5_stride1", "bwd_data", "wide",   kAnyChannels, 32,   2,        14,  400,   {19, 2.5}},
};

inline constexpr OutputMaskRow kOutputMask[] = {
    // class            pass        group tap_rows vectors rows pixels crossover
    {"conv3x3_stride1", "bwd_data", 32,   3,       18,     28,  784,   {38, 8}},
    {"conv3x3_stride2", "bwd_data", 32,   2,       16,     28,  784,   {23.5, 49.5}},
    {"conv1x1_stride1", "bwd_data", 32,   1,       16,     28,  784,   {34, 65.5}},
    {"conv1x1_stride2", "bwd_data", 32,   1,       16,     28,  784,   {35, 29}},
    {"conv5x5_stride1", "bwd_data", 16,   5,       25,     28,  784,   {19, 3.5}},
};

inline constexpr PixelScanRow kPixelScan[] = {
    // class            pass           tap_rows k_vectors rows crossover   narrow_crossover
    {"conv3x3_stride1", "bwd_weights", 3,       2,        8,   {28, 6.5},  24},  // 1.01x of 3,2,16
    {"conv3x3_stride2", "bwd_weights", 2,       4,        4,   {34, 11},   20},
    {"conv1x1_stride1", "bwd_weights", 1,       8,        4,   {44, 26.5}, 35},
    {"conv1x1_stride2", "bwd_weights", 1,       8,        4,   {45, 0},    14},
    {"conv5x5_stride1", "bwd_weights", 5,       1,        8,   {25, 0},    10},
};
// clang-format on

inline constexpr Tables kTables = {
    .name = "sapphire_rapids",
    .isa = "avx512",
    .registers = 32,
    .registers_per_vector = 1,
    .l1_bytes = 48 * 1024,
    .slab_bytes = 48 * 1024,
    .broadcast_from_memory = true,
    .dense = kDense,
    .dense_weights = kDenseWeights,
    .scatter = kScatter,
    .output_mask = kOutputMask,
    .pixel_scan = kPixelScan,
};

}  // namespace sparsetrain::schedules::sapphire_rapids
