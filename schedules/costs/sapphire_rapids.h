// What kernels cost on Sapphire Rapids. Where they pass dense was measured, but for narrow images at a stride
// and of 5x5: the line over channels below which zero_skip lost on any layer. (Of 5x5 fwd and bwd_data it is
// higher than measured, by as much as dense has become faster since; the narrow blocking of 3x3 stride 1 has
// that of the wide one with many channels.) `fixed` is that of avx512.h.
#pragma once

#include "schedules/costs/cost_rows.h"

namespace sparsetrain::schedules::sapphire_rapids {

// clang-format off
inline constexpr CostRow kCosts[] = {
    // class             pass           kernel         of               fixed  few    work
    {"conv3x3_stride1", "fwd",         "zero_skip",   "wide",          {0.1,   0.0893, 1.37}},
    {"conv3x3_stride1", "fwd",         "zero_skip",   "narrow",        {0.1,   0.227, 1.37}},
    {"conv3x3_stride1", "bwd_data",    "zero_skip",   "wide",          {0.1,   0.0623, 1.38}},
    {"conv3x3_stride1", "bwd_data",    "zero_skip",   "narrow",        {0.1,   0.256, 1.38}},
    {"conv3x3_stride2", "fwd",         "zero_skip",   "wide",          {0.13,  0.11,  1.37}},
    {"conv3x3_stride2", "bwd_data",    "zero_skip",   "wide",          {0.13,  0.344, 1.04}},
    {"conv1x1_stride1", "fwd",         "zero_skip",   "wide",          {0.18,  0.474, 1.21}},
    {"conv1x1_stride1", "fwd",         "zero_skip",   "narrow",        {0.18,  0.241, 2.19}},
    {"conv1x1_stride1", "bwd_data",    "zero_skip",   "wide",          {0.18,  0.229, 1.34}},
    {"conv1x1_stride1", "bwd_data",    "zero_skip",   "narrow",        {0.18,  0.337, 1.82}},
    {"conv1x1_stride2", "fwd",         "zero_skip",   "wide",          {0.18,  0.231, 1.02}},
    {"conv1x1_stride2", "fwd",         "zero_skip",   "narrow",        {0.18,  0,     1.44}},
    {"conv1x1_stride2", "bwd_data",    "zero_skip",   "wide",          {0.18,  0,     1.2}},
    {"conv1x1_stride2", "bwd_data",    "zero_skip",   "narrow",        {0.18,  0,     2.13}},
    {"conv5x5_stride1", "fwd",         "zero_skip",   "wide",          {0.08,  0.112, 1.31}},
    {"conv5x5_stride1", "bwd_data",    "zero_skip",   "wide",          {0.08,  0.0329, 1.31}},
    {"conv3x3_stride1", "bwd_data",    "output_mask", "",              {0.15,  0.111, 1.38}},
    {"conv3x3_stride2", "bwd_data",    "output_mask", "",              {0.15,  0.516, 1.17}},
    {"conv1x1_stride1", "bwd_data",    "output_mask", "",              {0.25,  0.744, 1.2}},
    {"conv1x1_stride2", "bwd_data",    "output_mask", "",              {0.25,  0.36,  1.16}},
    {"conv5x5_stride1", "bwd_data",    "output_mask", "",              {0.12,  0.044, 1.26}},
    {"conv3x3_stride1", "bwd_weights", "zero_skip",   "",              {0.09,  0.0929, 1.24}},
    {"conv3x3_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.09,  0,     1.18}},
    {"conv3x3_stride2", "bwd_weights", "zero_skip",   "",              {0.18,  0.139, 1.21}},
    {"conv3x3_stride2", "bwd_weights", "zero_skip",   "narrow images", {0.18,  0,     1.02}},
    {"conv1x1_stride1", "bwd_weights", "zero_skip",   "",              {0.22,  0.413, 1.31}},
    {"conv1x1_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.22,  0,     1.24}},
    {"conv1x1_stride2", "bwd_weights", "zero_skip",   "",              {0.22,  0,     1.56}},
    {"conv1x1_stride2", "bwd_weights", "zero_skip",   "narrow images", {0.22,  0,     0.907}},
    {"conv5x5_stride1", "bwd_weights", "zero_skip",   "",              {0.08,  0,     1.23}},
    {"conv5x5_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.08,  0,     1.02}},
};
// clang-format on

}  // namespace sparsetrain::schedules::sapphire_rapids
