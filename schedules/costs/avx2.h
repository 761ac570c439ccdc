// What kernels cost on cores with AVX2. Where they pass dense was measured on a shared Zen 3 server core:
// rough, as that was. `fixed` is that of avx512.h.
#pragma once

#include "schedules/costs/cost_rows.h"

namespace sparsetrain::schedules::avx2 {

// clang-format off
inline constexpr CostRow kCosts[] = {
    // class             pass           kernel         of               fixed  few    work
    {"conv3x3_stride1", "fwd",         "zero_skip",   "wide",          {0.1,   0,     1.12}},
    {"conv3x3_stride1", "fwd",         "zero_skip",   "narrow",        {0.1,   0,     1.12}},
    {"conv3x3_stride1", "bwd_data",    "zero_skip",   "wide",          {0.1,   0,     1.12}},
    {"conv3x3_stride1", "bwd_data",    "zero_skip",   "narrow",        {0.1,   0,     1.12}},
    {"conv3x3_stride2", "fwd",         "zero_skip",   "wide",          {0.13,  0,     1.19}},
    {"conv3x3_stride2", "bwd_data",    "zero_skip",   "wide",          {0.13,  0,     1.14}},
    {"conv1x1_stride1", "fwd",         "zero_skip",   "wide",          {0.18,  0,     1.37}},
    {"conv1x1_stride1", "fwd",         "zero_skip",   "narrow",        {0.18,  0,     1.37}},
    {"conv1x1_stride1", "bwd_data",    "zero_skip",   "wide",          {0.18,  0,     1.37}},
    {"conv1x1_stride1", "bwd_data",    "zero_skip",   "narrow",        {0.18,  0,     1.37}},
    {"conv1x1_stride2", "fwd",         "zero_skip",   "wide",          {0.18,  0,     1.26}},
    {"conv1x1_stride2", "fwd",         "zero_skip",   "narrow",        {0.18,  0,     1.26}},
    {"conv1x1_stride2", "bwd_data",    "zero_skip",   "wide",          {0.18,  0,     1.26}},
    {"conv1x1_stride2", "bwd_data",    "zero_skip",   "narrow",        {0.18,  0,     1.26}},
    {"conv5x5_stride1", "fwd",         "zero_skip",   "wide",          {0.08,  0,     1.15}},
    {"conv5x5_stride1", "bwd_data",    "zero_skip",   "wide",          {0.08,  0,     1.15}},
    {"conv3x3_stride1", "bwd_data",    "output_mask", "",              {0.15,  0,     1.21}},
    {"conv3x3_stride2", "bwd_data",    "output_mask", "",              {0.15,  0,     1.21}},
    {"conv1x1_stride1", "bwd_data",    "output_mask", "",              {0.25,  0,     1.36}},
    {"conv1x1_stride2", "bwd_data",    "output_mask", "",              {0.25,  0,     1.25}},
    {"conv5x5_stride1", "bwd_data",    "output_mask", "",              {0.12,  0,     1.26}},
    {"conv3x3_stride1", "bwd_weights", "zero_skip",   "",              {0.09,  0,     1.4}},
    {"conv3x3_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.09,  0,     1.21}},
    {"conv3x3_stride2", "bwd_weights", "zero_skip",   "",              {0.18,  0,     1.49}},
    {"conv3x3_stride2", "bwd_weights", "zero_skip",   "narrow images", {0.18,  0,     1.26}},
    {"conv1x1_stride1", "bwd_weights", "zero_skip",   "",              {0.22,  0,     1.3}},
    {"conv1x1_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.22,  0,     1.3}},
    {"conv1x1_stride2", "bwd_weights", "zero_skip",   "",              {0.22,  0,     1.11}},
    {"conv1x1_stride2", "bwd_weights", "zero_skip",   "narrow images", {0.22,  0,     1.11}},
    {"conv5x5_stride1", "bwd_weights", "zero_skip",   "",              {0.08,  0,     1.42}},
    {"conv5x5_stride1", "bwd_weights", "zero_skip",   "narrow images", {0.08,  0,     1.23}},
};
// clang-format on

}  // namespace sparsetrain::schedules::avx2
