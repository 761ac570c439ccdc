// What a row should cost, in cycles, from a few facts of the core: which rows are worth measuring, and what
// `tune --explain` prints. docs/tuning.md explains it.
#pragma once

#include "tune/subject.h"

namespace sparsetrain::tune {

// Per cycle and of registers' size: from the tables' traits.
struct Machine {
    double fmas, loads;
    double fma_latency = 4;
    double mispredict = 25;         // cycles, with what comes after it
    double l2_bytes = 32;           // that come from L2 per cycle
    double half_of_l2 = 512 << 10;  // bytes
};
Machine machine_of(const schedules::Tables& tables);

// The innermost loop of a row. A turn is what a nonzero costs (of dense: an input channel's lane and a tap,
// or, in bwd_weights, a pixel); turns come in visits: of a mask word or, of dense, of a tile.
struct Cost {
    schedules::Budget budget;
    double fmas, loads;      // of a turn
    double l2_bytes;         // that a turn waits for
    double visit_cycles;     // what a visit costs anyway
    double turns_per_visit;  // at 0 % zeros
    double useful;           // of a turn's FMAs, those that a dense kernel without waste would need

    // The bound that a turn runs into: FMAs, loads, L2 or, of one turn after the other, the FMAs' latency.
    double turn_cycles(const Machine& machine) const;

    // The time at so many zeros (of dense: 0), relative to that of all FMAs of a dense kernel at the core's
    // peak.
    double relative_time(const Machine& machine, int zeros_percent) const;
};
Cost cost_of(const Subject& subject, const schedules::Tables& tables, const TileSizes& sizes);

// The geometric mean of relative times at 50, 80 and 90 % zeros; of dense, its relative time.
double predicted_time(const Subject& subject, const schedules::Tables& tables, const TileSizes& sizes);

}  // namespace sparsetrain::tune
