// What a forward convolution computes, for `dense`; with rotated, transposed weights it is also bwd_data at
// stride 1.
#include <Halide.h>

#include "generators/schedule_of.h"
#include "schedules/avx512.h"

using namespace Halide;
using namespace Halide::ConciseCasts;

namespace {

// dst and, with `relu`, its occupancy mask. Buffers: src (lane, x, y, c block, n); weights (k lane, c lane,
// s, r, c block, k block); bias (k lane, k block), fwd only; dst (k lane, x, y, k block, n); mask (x, y, k
// block, n).
class ConvForwardDense : public Generator<ConvForwardDense> {
  public:
    GeneratorParam<std::string> layer_class{"layer_class", ""};
    GeneratorParam<std::string> pass{"pass", "fwd"};
    GeneratorParam<int> filter_h{"filter_h", 3};
    GeneratorParam<int> filter_w{"filter_w", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<bool> relu{"relu", false};

    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 6>> weights{"weights"};
    Input<Buffer<float, 2>> bias{"bias"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Output<Buffer<float, 5>> dst{"dst"};

    void generate() {
        padded_(c, x, y, cb, n) =
            BoundaryConditions::constant_exterior(src, 0.0f,
                                                  {{Expr(), Expr()},
                                                   {0, src.dim(1).extent()},
                                                   {0, src.dim(2).extent()},
                                                   {Expr(), Expr()},
                                                   {Expr(), Expr()}})(c, x - pad_left, y - pad_top, cb, n);

        r_ = RDom(0, 16, 0, filter_w, 0, filter_h, 0, src.dim(3).extent());
        const Expr kb_in = min(kb, weights.dim(5).extent() - 1);
        acc_(k, x, y, kb, n) = bias(k, kb_in);
        acc_(k, x, y, kb, n) += padded_(r_.x, x * stride + r_.y, y * stride + r_.z, r_.w, n) *
                                weights(k, r_.x, r_.y, r_.z, r_.w, kb_in);
        dst(k, x, y, kb, n) = acc_(k, x, y, kb, n);
    }

    void schedule() {
        const auto& row =
            sparsetrain::generators::schedule_of(sparsetrain::schedules::kDense, layer_class, pass);
        Var xo("xo"), xi("xi"), yo("yo"), yi("yi"), kbo("kbo"), kbi("kbi"), task("task");
        dst.compute_root()
            .bound(k, 0, 16)
            .split(x, xo, xi, row.x_tile, TailStrategy::GuardWithIf)
            .split(y, yo, yi, row.rows, TailStrategy::GuardWithIf)
            .split(kb, kbo, kbi, row.k_vectors, TailStrategy::GuardWithIf)
            .reorder(k, kbi, xi, xo, yi, kbo, yo, n)
            .vectorize(k)
            .fuse(yo, n, task)
            .parallel(task);
        acc_.compute_at(dst, xo)
            .store_in(MemoryType::Register)
            .bound_extent(x, row.x_tile)
            .bound_extent(kb, row.k_vectors)
            .reorder(k, kb, x, y, n)
            .vectorize(k)
            .unroll(x)
            .unroll(kb);
        acc_.update().reorder(k, kb, x, r_.x, r_.y, r_.z, r_.w, y, n).vectorize(k).unroll(x).unroll(kb);
        padded_.compute_at(dst, task).bound(c, 0, 16).vectorize(c);
    }

  private:
    Var k{"k"}, c{"c"}, x{"x"}, y{"y"}, kb{"kb"}, cb{"cb"}, n{"n"};
    Func acc_{"acc"}, padded_{"padded"};
    RDom r_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvForwardDense, conv_forward_dense)
