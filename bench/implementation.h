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
    // Comes before: whoever learns from its calls has those that it learns from.
    virtual void settle() {}
    // Brings the result of the last run to the Problem, in the library's layout.
    virtual void publish_result() = 0;
    // How far a right result may be from the exact one. Whoever only multiplies and adds is exact.
    virtual double tolerance() const { return 0; }
    // What ran: a kernel's name and what else tells results apart.
    virtual std::string label() const = 0;
};

struct ImplementationEntry {
    const char* name;  // the last part of the benchmarks' names
    std::unique_ptr<Implementation> (*make)(Problem& problem);
    // Whether it exists for this pass at all. Where it does not, tables have a gap, which is no failure.
    bool (*serves)(const ConvShape& shape, Pass pass);
    ZerosIn zeros_in = ZerosIn::operand;  // of the Problem that it gets
};
using ImplementationEntries = std::vector<const ImplementationEntry*>;

// The one that all others are compared with.
inline constexpr const char* kPeer = "onednn";

// All implementations, in the order of tables.
std::span<const ImplementationEntry> implementations();

// Those of them that serve a pass.
ImplementationEntries implementations_of(const ConvShape& shape, Pass pass);

// `entries` in the order in which they take turns in a round. What runs before a benchmark leaves caches and
// clock in its own state: starts rotate, and each follows every other equally often, over as many rounds as
// there are entries, or twice as many if their number is odd.
ImplementationEntries turns_of(int round, const ImplementationEntries& entries);

// Sets how many threads every implementation runs on, for those made from now on: OpenMP's number, which
// oneDNN reads when it creates a primitive, OpenBLAS's and this library's. All are process-wide in the peers.
void use_threads(int threads);

// Whether the weights that this library has change before every call, as in training, so that it packs them
// in the timed part; for those made from now on.
void pack_in_every_call(bool packs);

// This library through its public API.
std::unique_ptr<Implementation> make_sparsetrain(Problem& problem, Policy policy);

// oneDNN's direct convolution (convolution_direct) in formats of its own choice.
std::unique_ptr<Implementation> make_onednn(Problem& problem);
std::string onednn_version();  // "2.6.3"

// oneDNN's Winograd convolution (convolution_winograd). Transforming the weights counts: in training they
// change with every step, and oneDNN does it inside the primitive.
std::unique_ptr<Implementation> make_onednn_winograd(Problem& problem);
bool onednn_has_winograd(const ConvShape& shape, Pass pass);

// A matrix of all filter positions, image by image, and OpenBLAS's sgemm, on NCHW data; the matrix is made
// (for bwd_data: summed up) inside the timed part, but where it equals the image: 1x1 at stride 1.
std::unique_ptr<Implementation> make_im2col(Problem& problem);
std::string openblas_version();  // "OpenBLAS 0.3.21"

}  // namespace sparsetrain::bench
