// Schedules for any CPU with the Skylake server feature set.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules {

inline constexpr DenseRow kDense[] = {
    // clang-format off
    // class             pass        x_tile  k_vectors  rows
    {"conv3x3_stride1", "fwd",         14,       2,       8},
    {"conv3x3_stride1", "bwd_data",    14,       2,       8},
    // clang-format on
};

}  // namespace sparsetrain::schedules
