// What kernels cost on Zen 4. Where they pass dense was measured for conv3x3_stride1 (conv_bench's speeds,
// interpolated between 0 and 30 % zeros, the median over its layers) and estimated for the others; `fixed` is
// that of avx512.h.
#pragma once

#include "schedules/costs/cost_rows.h"

namespace sparsetrain::schedules::zen4 {

// clang-format off
inline constexpr CostRow kCosts[] = {
    // class             pass           kernel         of               fixed  few    work
    {"conv3x3_stride1", "fwd",         "zero_skip",   "wide",          {0.1,   0,     1.04}},
    {"conv3x3_stride1", "fwd",         "zero_skip",   "narrow",        {0.1,   0,     1.04}},
    {"conv3x3_stride1", "bwd_data",    "zero_skip",   "wide",          {0.1,   0,     1.04}},
    {"conv3x3_stride1", "bwd_data",    "zero_skip",   "narrow",        {0.1,   0,     1.04}},
    {"conv3x3_stride2", "fwd",         "zero_skip",   "wide",          {0.13,  0,     1.01}},
    {"conv3x3_stride2", "bwd_data",    "zero_skip",   "wide",          {0.13,  0,     1.06}},
    {"conv1x1_stride1", "fwd",         "zero_skip",   "wide",          {0.18,  0,     1.09}},
    {"conv1x1_stride1", "fwd",         "zero_skip",   "narrow",        {0.18,  0,     1.09}},
    {"conv1x1_stride1", "bwd_data",    "zero_skip",   "wide",          {0.18,  0,     1.09}},
    {"conv1x1_stride1", "bwd_data",    "zero_skip",   "narrow",        {0.18,  0,     1.09}},
    {"conv1x1_stride2", "fwd",         "zero_skip",   "wide",          {0.18,  0,     1.09}},
    {"conv1x1_stride2", "fwd",         "zero_skip",   "narrow",        {0.18,  0,     1.09}},
    {"conv1x1_stride2", "bwd_data",    "zero_skip",   "wide",          {0.18,  0,     1.09}},
    {"conv1x1_stride2", "bwd_data",    "zero_skip",   "narrow",        {0.18,  0,     1.09}},
    {"conv5x5_stride1", "fwd",         "zero_skip",   "wide",          {0.08,  0,     1.06}},
    {"conv5x5_stride1", "bwd_data",    "zero_skip",   "wide",          {0.08,  0,     1.06}},
    {"conv3x3_stride1", "bwd_data",    "output_mask", "",              {0.15,  0,     1.08}},
    {"conv3x3_stride2", "bwd_data",    "output_mask", "",              {0.15,  0,     1.13}},
    {"conv1x1_stride1", "bwd_data",    "output_mask", "",              {0.25,  0,     1.1}},
    {"conv1x1_stride2", "bwd_data",    "output_mask", "",              {0.25,  0,     1.1}},
    {"conv5x5_stride1", "bwd_data",    "output_mask", "",              {0.12,  0,     1.11}},
    {"conv3x3_stride1", "bwd_weights", "zero_skip",   "",              {0.09,  0,     1.06}},
    {"conv3x3_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.09,  0,     0.91}},
    {"conv3x3_stride2", "bwd_weights", "zero_skip",   "",              {0.18,  0,     1.02}},
    {"conv3x3_stride2", "bwd_weights", "zero_skip",   "narrow images", {0.18,  0,     0.911}},
    {"conv1x1_stride1", "bwd_weights", "zero_skip",   "",              {0.22,  0,     1.11}},
    {"conv1x1_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.22,  0,     0.975}},
    {"conv1x1_stride2", "bwd_weights", "zero_skip",   "",              {0.22,  0,     1.11}},
    {"conv1x1_stride2", "bwd_weights", "zero_skip",   "narrow images", {0.22,  0,     0.975}},
    {"conv5x5_stride1", "bwd_weights", "zero_skip",   "",              {0.08,  0,     1.15}},
    {"conv5x5_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.08,  0,     1.02}},
};
// clang-format on

}  // namespace sparsetrain::schedules::zen4
