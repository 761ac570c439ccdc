// Clocks, in seconds.
#pragma once

#include <ctime>

namespace sparsetrain::cli {

inline double read_clock(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

inline double wall_seconds() {
    return read_clock(CLOCK_MONOTONIC);
}

}  // namespace sparsetrain::cli
