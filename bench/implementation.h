// Ways to compute a Problem: ours and those of peers, behind one small interface.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "problem.h"

namespace sparsetrain::bench {

// Made for one Problem, whose operands do not change and whose memory outlives it. What every implementation
// may do before the time starts, it does when it is made or in its first run: packing weights, choosing
// blocked formats.
class Implementation {
  public:
    virtual ~Implementation() = default;

    // The timed part.
    virtual void run() = 0;
    // Brings the result of the last run to the Problem, in the library's layout.
    virtual void publish_result() = 0;
    // What ran: a kernel's name and what else tells results apart.
    virtual std::string label() const = 0;
};

struct ImplementationEntry {
    const char* name;  // the last part of the benchmarks' names
    std::unique_ptr<Implementation> (*make)(Problem& problem);
};

// The one that all others are compared with.
inline constexpr const char* kPeer = "onednn";

// All implementations, in the order of tables.
std::span<const ImplementationEntry> implementations();

// All of them, in the order in which they take turns in a round. What runs before a benchmark leaves caches
// and clock in its own state: starts rotate, and over as many rounds as there are implementations (an even
// number) each follows every other.
std::vector<const ImplementationEntry*> turns_of(int round);

// This library through its public API.
template <Policy policy>
std::unique_ptr<Implementation> make_sparsetrain(Problem& problem);

// oneDNN's direct convolution (convolution_direct) in formats of its own choice.
std::unique_ptr<Implementation> make_onednn(Problem& problem);

}  // namespace sparsetrain::bench
