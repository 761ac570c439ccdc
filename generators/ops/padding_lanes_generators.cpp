// Zeros in the lanes that pad channels: sums of convolutions are NaN there where an operand is not finite, as
// the zeros of padded weights times that are.
#include <Halide.h>

#include "generators/lanes.h"
#include "generators/ops/pixel_loops.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

// In place, in the last block of tensor (element, pixel, block, n): zero from element `kept` on. Elements are
// lanes, or those of the [16c][16k] of weights.
class ClearPadding : public Generator<ClearPadding> {
  public:
    Input<int> kept{"kept"};
    Output<Buffer<float, 4>> tensor{"tensor"};

    void generate() {
        tensor(e, p, b, n) = undef<float>();
        const Expr last = tensor.dim(2).extent() - 1;
        tensor(e, p, last, n) = select(e < kept, tensor(e, p, last, n), 0.0f);
    }

    void schedule() {
        declare_elements();
        Var task("task"), lane("lane");
        Func(tensor)
            .update()
            .split(e, e, lane, kLanes, TailStrategy::GuardWithIf)
            .split(p, task, p, kTaskPixels, TailStrategy::GuardWithIf)
            .reorder(lane, e, p, task, n)
            .vectorize(lane)
            .parallel(task)
            .parallel(n);
    }

  private:
    void declare_elements() {
        tensor.set_host_alignment(64);
        for (int i = 0; i < tensor.dimensions(); ++i) tensor.dim(i).set_min(0);
    }

    Var e{"e"}, p{"p"}, b{"b"}, n{"n"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ClearPadding, clear_padding)
