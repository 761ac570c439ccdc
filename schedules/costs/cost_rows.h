// What was measured of kernels, apart from the tile sizes that shape their code: a pass's time by a kernel
// that skips zeros, relative to that of dense. The runtime reads it (runtime/src/costs.cpp), and no generator
// and no stage: a changed cost compiles one file.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules {

// A time in units of dense's: what the kernel takes whatever the zeros are, `fixed`, and `few` more where 64
// channels share it (or, which was not measured, fewer), in inverse proportion to their number; and `work`
// times the share of what it skips nothing of. The channels are those that a pass sums over; in bwd_weights,
// those whose zeros are skipped.
struct Cost {
    double fixed;
    double few;
    double work;

    constexpr double fixed_of(int channels) const {
        return fixed + few * 64 / (channels < 64 ? 64 : channels);
    }
    constexpr double at(int channels, double zeros_percent) const {
        return fixed_of(channels) + work * (1 - zeros_percent / 100);
    }
    // From how many percent of zeros on it is faster than dense.
    constexpr double crossover(int channels) const { return 100 * (1 - (1 - fixed_of(channels)) / work); }
};

inline constexpr Cost kDenseCost = {1, 0, 0};

// `of`: the blocking, or the kind of images that the cost is of; "" where there is one.
struct CostRow {
    const char* layer_class;
    const char* pass;
    const char* kernel;
    const char* of;
    Cost cost;
};

constexpr bool is_row_of(const CostRow& row, const char* layer_class, const char* pass, const char* kernel,
                         const char* of) {
    return is_row_of(row, layer_class, pass) && same_name(row.kernel, kernel) && same_name(row.of, of);
}

// Several images of up to so many columns, two of which share a tile of bwd_weights by zero_skip where their
// padding allows it, while dense is at its slowest. They are `of` kNarrowImages.
inline constexpr int kNarrowWidth = 7;
inline constexpr const char* kNarrowImages = "narrow images";

}  // namespace sparsetrain::schedules
