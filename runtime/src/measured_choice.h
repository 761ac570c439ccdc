// What `auto` learns from the calls of one pass: which kernel is the fastest here, whatever the tables say.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "conv_kernel.h"

namespace sparsetrain::detail {

// A kernel that a call may run, with `zeros` percent of what it skips, and its time relative to dense's by
// the tables.
struct Candidate {
    const ConvKernel* kernel;
    double zeros;
    double cost;
    bool is_tried = false;  // for a look, whatever it takes
};

// The first with the least cost, of at least one.
std::size_t cheapest(std::span<const Candidate> candidates);

// Candidates whose costs are close take turns for a few calls, and each keeps its best time; one that is
// clearly behind leaves early. Then the fastest runs, its time for other zeros being in proportion to its
// cost. There is another look, at those that are close by then, when zeros have drifted and, against noise,
// now and then. All looks together cost less than a hundredth of the time of a training run, as what is not
// close costs no call, or two.
//
// Not for several threads at a time.
class MeasuredChoice {
  public:
    struct Finding {
        const ConvKernel* kernel;
        double zeros = 0, cost = 0;        // when it ran last
        double best_seconds_per_cost = 0;  // 0: not measured
        int begun = 0, runs = 0;           // calls of the last look at it; those that ended
        bool is_tried = false;             // in a look, and not out
    };

    // Which of a call's candidates it should run. There is at least one.
    std::size_t choose(std::span<const Candidate> candidates);
    // Whether the one that was chosen last is, for a look.
    bool is_looking() const { return is_looking_; }

    // What the call took that had chosen `candidate`.
    void add_time(const Candidate& candidate, double seconds);

    // Null if it never was a candidate.
    const Finding* find(const ConvKernel* kernel) const;

  private:
    Finding& finding_of(const ConvKernel* kernel);
    bool is_measured(const Candidate& candidate) const;
    bool has_drifted(const Candidate& candidate) const;
    double predicted(const Candidate& candidate) const;
    std::size_t fastest(std::span<const Candidate> candidates) const;
    bool is_close(const Candidate& candidate, const Candidate& best) const;
    bool is_due(std::span<const Candidate> candidates) const;
    void begin_look(std::span<const Candidate> candidates);
    std::size_t next_of_look(std::span<const Candidate> candidates) const;
    void leave_out_the_slow();

    std::vector<Finding> findings_;
    const ConvKernel* current_ = nullptr;  // what ran last outside of looks
    long calls_ = 0, next_look_ = 0, next_check_ = 0;
    bool is_looking_ = false;
};

}  // namespace sparsetrain::detail
