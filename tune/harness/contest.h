// Kernels of today's library and of candidates against each other, in one process and in turns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layer_list.h"
#include "tune/harness/candidate.h"
#include "tune/harness/runner.h"

namespace sparsetrain::tune {

// "zero_skip": today's kernel; "zero_skip:a+b": that of today's class with the kernels of the candidates a
// and b. Throws Error(invalid_argument) for other words.
struct Contestant {
    explicit Contestant(std::string text);

    std::string name;  // the words above
    Policy policy;
    std::vector<const Candidate*> candidates;

    // Over all rounds of all problems so far: the sum and the number of logarithms of speed ratios.
    double log_speeds = 0;
    int measured = 0;
    bool is_out = false;  // after a mistake, or without hope
};

struct ContestOptions {
    Pass pass = Pass::fwd;
    std::vector<int> percents;
    int rounds = 3;
    double hope = 0;  // whoever's speed, after a round of a problem, is below this is out
};

// One pass of all layers, which are of one layer class, at all percents. Prints, as JSON lines, what a
// contestant begins, its mistake, that it is out, or its speeds over the baseline (one per round).
void run_contest(const ContestOptions& options, const std::vector<bench::Layer>& layers, Contestant& baseline,
                 std::vector<Contestant>& contestants);

}  // namespace sparsetrain::tune
