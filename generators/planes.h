// The source of a convolution of few input channels, by channels: in NCHW16c each of its pixels has 16 lanes,
// most of them padding, and a filter's rows would not fit L1.
#pragma once

#include <Halide.h>

namespace sparsetrain::generators {

class Planes {
  public:
    Halide::Var x{"x"}, c{"c"}, y{"y"}, n{"n"};
    Halide::Func copy{"planes"};

    // Of src (lane, x, y, 1, n), with zeros around each image.
    template <typename Src>
    void define(Src& src, const Halide::Expr& pad_top, const Halide::Expr& pad_left) {
        using namespace Halide;
        const Region image = {{}, {0, src.dim(1).extent()}, {0, src.dim(2).extent()}, {}, {}};
        copy(x, c, y, n) =
            BoundaryConditions::constant_exterior(src, 0.0f, image)(c, x - pad_left, y - pad_top, 0, n);
    }

    // As many pixels at a time as every instruction set has floats in a vector.
    void schedule(Halide::LoopLevel block) { copy.compute_at(block).vectorize(x, 4); }
};

}  // namespace sparsetrain::generators
