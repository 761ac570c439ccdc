// Images in rows or in columns: their features become those of the pixels of one picture, and come back.
// Buffers: tensors (lane, i, j), masks (i, j).
#include <Halide.h>

#include "generators/lanes.h"
#include "generators/ops/pixel_loops.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

class SwapRows : public Generator<SwapRows> {
  public:
    Input<Buffer<float, 3>> src{"src"};
    Output<Buffer<float, 3>> dst{"dst"};

    void generate() { dst(l, i, j) = src(l, j, i); }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        Var task_i("task_i"), task_j("task_j"), tile("tile");
        Func(dst)
            .split(i, task_i, i, kTaskPixels / kTile, TailStrategy::GuardWithIf)
            .split(i, tile, i, kTile, TailStrategy::GuardWithIf)
            .split(j, task_j, j, kTile, TailStrategy::GuardWithIf)
            .reorder(l, i, j, tile, task_i, task_j)
            .vectorize(l)
            .parallel(task_i)
            .parallel(task_j);
    }

  private:
    // Pixels that are neighbours in src by those that are in dst: wherever the others are, memory is far.
    static constexpr int kTile = 16;
    Var l{"l"}, i{"i"}, j{"j"};
};

class SwapMaskRows : public Generator<SwapMaskRows> {
  public:
    Input<Buffer<uint16_t, 2>> src{"src"};
    Output<Buffer<uint16_t, 2>> dst{"dst"};

    void generate() { dst(i, j) = src(j, i); }

    void schedule() { dst.parallel(j); }

  private:
    Var i{"i"}, j{"j"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(SwapMaskRows, swap_mask_rows)
HALIDE_REGISTER_GENERATOR(SwapRows, swap_rows)
