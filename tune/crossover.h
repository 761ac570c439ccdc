// From how many zeros on a kernel is faster than dense, as rows say it.
#pragma once

#include <map>
#include <vector>

#include "schedules/rows.h"

namespace sparsetrain::tune {

// At how many percent of zeros a kernel passes dense for good: its speeds over dense, by percent, are
// interpolated. From 1 (already at 0 %) to 99 (never).
double crossing(const std::map<int, double>& speeds);

// A layer's crossing, by the channels that it sums over.
struct Crossing {
    int channels;
    double percent;
};

// The lowest crossover that is nowhere below a layer's crossing, so that `auto` leaves dense for none of
// them too early; lowest in the mean over the layers, of which there is at least one.
schedules::Crossover envelope(const std::vector<Crossing>& layers);

}  // namespace sparsetrain::tune
