// NHWC <-> NCHW16c. Buffers: NHWC (c, pixel, n); NCHW16c (lane, pixel, block, n).
#include <Halide.h>

#include "generators/lanes.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

// Pixels per task: what is read or written in pieces of a vector is in L1 when the next block comes to it,
// for up to 128 channels, and in L2 for any that there are.
constexpr int kTaskPixels = 64;

class NhwcToNchw16c : public Generator<NhwcToNchw16c> {
  public:
    Input<Buffer<float, 3>> src{"src"};
    Output<Buffer<float, 4>> dst{"dst"};

    void generate() {
        const Func inside =
            BoundaryConditions::constant_exterior(src, 0.0f, {{0, src.dim(0).extent()}, {}, {}});
        dst(l, p, b, n) = inside(b * kLanes + l, p, n);
    }

    void schedule() {
        declare_lanes(dst);
        Var task("task"), po("po"), pi("pi");
        dst.split(p, po, pi, kTaskPixels, TailStrategy::GuardWithIf)
            .reorder(l, pi, b, po, n)
            .vectorize(l)
            .fuse(po, n, task)
            .parallel(task);
    }

  private:
    Var l{"l"}, p{"p"}, b{"b"}, n{"n"};
};

class Nchw16cToNhwc : public Generator<Nchw16cToNhwc> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Output<Buffer<float, 3>> dst{"dst"};

    void generate() { dst(c, p, n) = src(c % kLanes, p, c / kLanes, n); }

    void schedule() {
        declare_lanes(src);
        Var task("task"), po("po"), pi("pi"), b("b"), l("l");
        dst.split(c, b, l, kLanes, TailStrategy::GuardWithIf)
            .split(p, po, pi, kTaskPixels, TailStrategy::GuardWithIf)
            .reorder(l, pi, b, po, n)
            .vectorize(l)
            .fuse(po, n, task)
            .parallel(task);
    }

  private:
    Var c{"c"}, p{"p"}, n{"n"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(NhwcToNchw16c, nhwc_to_nchw16c)
HALIDE_REGISTER_GENERATOR(Nchw16cToNhwc, nchw16c_to_nhwc)
