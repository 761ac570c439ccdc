// How a plan decides which kernel a call runs.
#pragma once

#include <array>
#include <mutex>
#include <span>
#include <vector>

#include "conv_call.h"
#include "measured_choice.h"
#include "per_process.h"
#include "schedules/costs/cost_rows.h"

namespace sparsetrain::detail {

struct LayerClass;

// What a call sees of the zeros that kernels may skip.
struct Observed {
    Skips skips;
    double zeros;  // in percent
};

// What findings are of: times of one do not tell those of another.
struct CallKind {
    Pass pass;
    Epilogue epilogue;
    int threads;
    bool packs = false;  // its weights, whatever was packed before
    bool operator==(const CallKind&) const = default;
};

// For SPARSETRAIN_VERBOSE=2.
struct Explanation {
    const ConvKernel* kernel;
    const char* why;             // it ran, or did not
    bool is_candidate = false;   // else there is no more to say
    double zeros = 0, cost = 0;  // what was seen and, relative to dense, predicted
    double seconds = 0;          // predicted from `runs` measured calls
    int runs = 0;
};

// Of one plan; for several threads at a time, and in a forked child. Under the policy `automatic` it learns
// from calls, unless `choice` is Choice::tables; then a decision depends on the call alone.
class KernelChoice {
  public:
    KernelChoice(const LayerClass& layer_class, const ConvShape& shape, Policy policy, Choice choice);

    // Whether the plan's kernels of bwd_data all need a ReLU's mask.
    bool needs_relu_mask() const;

    // Of the plan's kernels that skip nothing, or something that was observed, of which there is one.
    // `memory` is for candidates, so that calls allocate nothing.
    Candidate decide(const CallKind& kind, std::span<const Observed> observed,
                     std::vector<Candidate>& memory);

    // What a call that it decided took. To be left out, with the clock, unless it learns.
    bool learns(Pass pass) const;
    void add_time(const CallKind& kind, const Candidate& decided, double seconds);

    // Of every kernel that the class has for the pass, what a call knew of it.
    std::vector<Explanation> explain(const CallKind& kind, std::span<const Observed> observed,
                                     const Candidate& decided);

  private:
    struct Priced {
        const ConvKernel* kernel;
        schedules::Cost cost;
        int channels;
        double packing;  // of its weights, and of dense's, in units of dense's time
        double packing_of_dense;

        double at(double zeros, bool packs) const {
            const double own = cost.at(channels, zeros);
            return packs ? (own + packing) / (1 + packing_of_dense) : own;
        }
    };
    struct Learned {
        struct OfKind {
            CallKind kind;
            MeasuredChoice choice;
        };
        std::mutex mutex;
        std::vector<OfKind> kinds;

        MeasuredChoice& of(const CallKind& kind);
    };

    std::span<const Priced> kernels_of(Pass pass) const { return kernels_[static_cast<std::size_t>(pass)]; }
    void collect(const CallKind& kind, std::span<const Observed> observed,
                 std::vector<Candidate>& candidates) const;

    const LayerClass& class_;
    const ConvShape shape_;
    const Policy policy_;
    const Choice choice_;
    std::array<std::vector<Priced>, 3> kernels_;
    PerProcess<Learned> learned_;
};

}  // namespace sparsetrain::detail
