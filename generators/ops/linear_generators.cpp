// Images in rows or in columns: their features become those of the pixels of one picture, and come back.
// Buffers: tensors (lane, i, j), masks (i, j).
#include <Halide.h>

#include "generators/lanes.h"

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
        dst.vectorize(l).parallel(j);
    }

  private:
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
