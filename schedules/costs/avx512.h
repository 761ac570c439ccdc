// What kernels cost on the cores that run the tables avx512. Where they pass dense was measured: conv_bench's
// speeds over its layers, on a Zen 5 server core. `fixed` is an estimate: somewhat less than that of a line
// through the mean speeds of all layers at 50, 80 and 90 % zeros, as there are few channels among them; that
// of output_mask of 3x3 and all of 5x5 are guesses. `work` follows from both.
#pragma once

#include "schedules/costs/cost_rows.h"

namespace sparsetrain::schedules::avx512 {

// clang-format off
inline constexpr CostRow kCosts[] = {
    // class             pass           kernel         of               fixed  few    work
    {"conv3x3_stride1", "fwd",         "zero_skip",   "wide",          {0.1,   0.0708, 1.01}},
    {"conv3x3_stride1", "fwd",         "zero_skip",   "narrow",        {0.1,   0,     1.2}},
    {"conv3x3_stride1", "bwd_data",    "zero_skip",   "wide",          {0.1,   0.0791, 0.989}},
    {"conv3x3_stride1", "bwd_data",    "zero_skip",   "narrow",        {0.1,   0,     1.2}},
    {"conv3x3_stride2", "fwd",         "zero_skip",   "wide",          {0.13,  0.0249, 1.24}},
    {"conv3x3_stride2", "bwd_data",    "zero_skip",   "wide",          {0.13,  0.0414, 1.04}},
    {"conv1x1_stride1", "fwd",         "zero_skip",   "wide",          {0.18,  0.266, 1.06}},
    {"conv1x1_stride1", "fwd",         "zero_skip",   "narrow",        {0.18,  0.202, 1.34}},
    {"conv1x1_stride1", "bwd_data",    "zero_skip",   "wide",          {0.18,  0.266, 1.06}},
    {"conv1x1_stride1", "bwd_data",    "zero_skip",   "narrow",        {0.18,  0.269, 1.34}},
    {"conv1x1_stride2", "fwd",         "zero_skip",   "wide",          {0.18,  0.233, 0.932}},
    {"conv1x1_stride2", "fwd",         "zero_skip",   "narrow",        {0.18,  0.234, 1.17}},
    {"conv1x1_stride2", "bwd_data",    "zero_skip",   "wide",          {0.18,  0.241, 1.21}},
    {"conv1x1_stride2", "bwd_data",    "zero_skip",   "narrow",        {0.18,  0.298, 1.49}},
    {"conv5x5_stride1", "fwd",         "zero_skip",   "wide",          {0.08,  0,     1.06}},
    {"conv5x5_stride1", "bwd_data",    "zero_skip",   "wide",          {0.08,  0,     1.06}},
    {"conv3x3_stride1", "bwd_data",    "output_mask", "",              {0.15,  0.11,  1}},
    {"conv3x3_stride2", "bwd_data",    "output_mask", "",              {0.15,  0.395, 0.988}},
    {"conv1x1_stride1", "bwd_data",    "output_mask", "",              {0.25,  0.54,  1}},
    {"conv1x1_stride2", "bwd_data",    "output_mask", "",              {0.25,  0.481, 0.962}},
    {"conv5x5_stride1", "bwd_data",    "output_mask", "",              {0.12,  0,     1.11}},
    {"conv3x3_stride1", "bwd_weights", "zero_skip",   "",              {0.09,  0.0207, 1.03}},
    {"conv3x3_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.09,  0,     1.03}},
    {"conv3x3_stride2", "bwd_weights", "zero_skip",   "",              {0.18,  0.226, 1.02}},
    {"conv3x3_stride2", "bwd_weights", "zero_skip",   "narrow images", {0.18,  0,     1.02}},
    {"conv1x1_stride1", "bwd_weights", "zero_skip",   "",              {0.22,  0.0843, 1.05}},
    {"conv1x1_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.22,  0,     1.03}},
    {"conv1x1_stride2", "bwd_weights", "zero_skip",   "",              {0.22,  0.0726, 0.907}},
    {"conv1x1_stride2", "bwd_weights", "zero_skip",   "narrow images", {0.22,  0,     0.907}},
    {"conv5x5_stride1", "bwd_weights", "zero_skip",   "",              {0.08,  0,     1.15}},
    {"conv5x5_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.08,  0,     1.02}},
};
// clang-format on

}  // namespace sparsetrain::schedules::avx512
