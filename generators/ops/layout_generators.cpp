// NCHW <-> NCHW16c. Buffers: NCHW (pixel, c, n); NCHW16c (lane, pixel, block, n).
#include <Halide.h>

#include "generators/lanes.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

class NchwToNchw16c : public Generator<NchwToNchw16c> {
  public:
    Input<Buffer<float, 3>> src{"src"};
    Output<Buffer<float, 4>> dst{"dst"};

    void generate() {
        const Expr c = b * kLanes + l;
        const Expr channels = src.dim(1).extent();
        dst(l, p, b, n) = select(c < channels, src(p, min(c, channels - 1), n), 0.0f);
    }

    void schedule() {
        declare_lanes(dst);
        Var task("task");
        dst.vectorize(l).fuse(b, n, task).parallel(task);
    }

  private:
    Var l{"l"}, p{"p"}, b{"b"}, n{"n"};
};

class Nchw16cToNchw : public Generator<Nchw16cToNchw> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Output<Buffer<float, 3>> dst{"dst"};

    void generate() { dst(p, c, n) = src(c % kLanes, p, c / kLanes, n); }

    // 16 pixels of all 16 lanes at a time: 1 KB of src, read from memory once.
    void schedule() {
        declare_lanes(src);
        Var po("po"), pi("pi"), b("b"), l("l"), task("task");
        dst.split(c, b, l, kLanes, TailStrategy::GuardWithIf)
            .split(p, po, pi, kLanes, TailStrategy::GuardWithIf)
            .reorder(pi, l, po, b, n)
            .vectorize(pi)
            .fuse(b, n, task)
            .parallel(task);
    }

  private:
    Var p{"p"}, c{"c"}, n{"n"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(NchwToNchw16c, nchw_to_nchw16c)
HALIDE_REGISTER_GENERATOR(Nchw16cToNchw, nchw16c_to_nchw)
