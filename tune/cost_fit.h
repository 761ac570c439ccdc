// What a kernel costs, from its measured speeds over dense.
#pragma once

#include <vector>

#include "schedules/costs/cost_rows.h"

namespace sparsetrain::tune {

// A layer's speed over dense, by the channels that it sums over and the zeros.
struct SpeedPoint {
    int channels;
    int zeros_percent;
    double speed;
};

// The cost whose times are nearest to those measured, by their relative differences: 90 % zeros count as much
// as 0 %. Of points, of which there is at least one, that do not tell terms apart, `few` is left out first,
// and then `fixed`. No term is beyond what a build takes (schedules/faults.h).
schedules::Cost fit_cost(const std::vector<SpeedPoint>& points);

}  // namespace sparsetrain::tune
