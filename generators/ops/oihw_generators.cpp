// OIHW <-> the master layout of weights. Buffers: OIHW (tap, c, k); master (k lane, c lane, tap, c block,
// k block).
#include <Halide.h>

#include "generators/lanes.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

class OihwToWeights : public Generator<OihwToWeights> {
  public:
    Input<Buffer<float, 3>> src{"src"};
    Output<Buffer<float, 5>> dst{"dst"};

    void generate() {
        const Func inside = BoundaryConditions::constant_exterior(
            src, 0.0f, {{}, {0, src.dim(1).extent()}, {0, src.dim(2).extent()}});
        dst(k, c, t, cb, kb) = inside(t, cb * kLanes + c, kb * kLanes + k);
    }

    // A block's 16 filters are read from front to back.
    void schedule() {
        declare_lanes(dst);
        dst.reorder(k, t, c, cb, kb).vectorize(k).parallel(kb);
    }

  private:
    Var k{"k"}, c{"c"}, t{"t"}, cb{"cb"}, kb{"kb"};
};

class WeightsToOihw : public Generator<WeightsToOihw> {
  public:
    Input<Buffer<float, 5>> src{"src"};
    Output<Buffer<float, 3>> dst{"dst"};

    void generate() { dst(t, c, k) = src(k % kLanes, c % kLanes, t, c / kLanes, k / kLanes); }

    // A block's 16 filters are written from front to back: where channels are neighbours, in vectors of
    // these. It would take 16 stores, which whole pages may lie between, to write a vector of filters.
    void schedule() {
        declare_lanes(src);
        Var kb("kb"), ki("ki"), cb("cb"), ci("ci");
        dst.split(k, kb, ki, kLanes, TailStrategy::GuardWithIf)
            .split(c, cb, ci, kLanes, TailStrategy::GuardWithIf)
            .reorder(ki, t, ci, cb, kb)
            .parallel(kb);
        dst.specialize(dst.dim(1).stride() == 1).reorder(ci, ki, t, cb).vectorize(ci);
        dst.vectorize(ki);
    }

  private:
    Var t{"t"}, c{"c"}, k{"k"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(OihwToWeights, oihw_to_weights)
HALIDE_REGISTER_GENERATOR(WeightsToOihw, weights_to_oihw)
