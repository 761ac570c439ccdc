// Contests of candidates, and what comes out of them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tune/findings.h"
#include "tune/journal.h"
#include "tune/workshop.h"

namespace sparsetrain::tune {

// A contestant's speeds over the baseline at one layer and percent of zeros, one of each round.
struct ProblemSpeeds {
    std::string layer;
    int percent;
    std::vector<double> rounds;

    double median() const;
};

struct Standing {
    std::vector<ProblemSpeeds> problems;
    std::string failure;  // why a contestant did not get to the end: a mistake, a crash, or that it was slow
    double last_speed = 0;  // of one that was too slow

    Speed speed() const;
};
using Standings = std::map<std::string, Standing>;  // by contestant

class Arena {
  public:
    Arena(Workshop& workshop, Journal& journal, std::function<bool()> stop)
        : workshop_(workshop), journal_(journal), stop_(std::move(stop)) {}

    // Holds a contest and records every measurement, of `job`, in the journal. Nothing if it was stopped. A
    // contestant that crashes is left out, and the others start again. Throws std::runtime_error if today's
    // kernels fail.
    std::optional<Standings> hold(Contest contest, const std::string& job) const;

  private:
    // Notes a line of the program; returns whose it is.
    std::string note(const Json& line, const std::string& job, Standings& standings) const;

    Workshop& workshop_;
    Journal& journal_;
    std::function<bool()> stop_;
};

}  // namespace sparsetrain::tune
