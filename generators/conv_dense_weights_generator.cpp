// What bwd_weights computes, for `dense`.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/lanes.h"
#include "generators/schedule_of.h"

using namespace Halide;

namespace {

// src (lane, x, y, c block, n); diff_dst (k lane, x, y, k block, n); diff_weights in the master layout (k
// lane, c lane, s, r, c block, k block).
class ConvDenseWeights : public sparsetrain::generators::ClassGenerator<ConvDenseWeights> {
  public:
    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 5>> diff_dst{"diff_dst"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Output<Buffer<float, 6>> diff_weights{"diff_weights"};

    void generate() {
        const Expr width = src.dim(1).extent(), height = src.dim(2).extent();
        const Region image = {{}, {0, width}, {0, height}, {}, {}};
        padded_(c, x, y, cb, n) =
            BoundaryConditions::constant_exterior(src, 0.0f, image)(c, x - pad_left, y - pad_top, cb, n);

        pixels_ = RDom(0, diff_dst.dim(1).extent(), 0, diff_dst.dim(2).extent(), 0, diff_dst.dim(4).extent(),
                       "pixels");
        // A register tile may reach beyond the last block of output channels: it sums that block again and
        // drops it.
        const Expr block = min(kb, diff_dst.dim(3).extent() - 1);
        diff_weights(k, c, s, r, cb, kb) = 0.0f;
        diff_weights(k, c, s, r, cb, kb) +=
            padded_(c, pixels_.x * stride + s, pixels_.y * stride + r, cb, pixels_.z) *
            diff_dst(k, pixels_.x, pixels_.y, block, pixels_.z);
    }

    void schedule() {
        using namespace sparsetrain::generators;
        const auto row =
            schedule_of(&sparsetrain::schedules::Tables::dense_weights, uarch, layer_class, "bwd_weights");
        declare_lanes(src);
        declare_lanes(diff_dst);
        declare_lanes(diff_weights);
        Var co("co"), ci("ci"), so("so"), si("si"), kbo("kbo"), kbi("kbi"), yo("yo");
        RVar ryo("ryo"), ryi("ryi");
        Func sums(diff_weights);
        sums.compute_root()
            .bound(k, 0, 16)
            .bound(c, 0, 16)
            .bound(s, 0, filter_w)
            .bound(r, 0, filter_h)
            .vectorize(k)
            .parallel(kb);
        // Partial sums over blocks of rows, each in registers.
        sums.update().split(pixels_.y, ryo, ryi, row.rows, TailStrategy::GuardWithIf);
        Func partial = sums.update().rfactor({{ryo, yo}, {pixels_.z, n}});
        sums.update()
            .split(c, co, ci, row.c_lanes)
            .split(s, so, si, row.tap_columns, TailStrategy::GuardWithIf)
            .split(kb, kbo, kbi, row.k_vectors, TailStrategy::GuardWithIf)
            .reorder(k, ci, si, kbi, co, so, r, cb, kbo, ryo, pixels_.z)
            .vectorize(k)
            .unroll(ci)
            .unroll(si)
            .parallel(kbo);
        partial.compute_at(sums, co)
            .store_in(MemoryType::Register)
            .bound_extent(c, row.c_lanes)
            .bound_extent(s, row.tap_columns)
            .bound_extent(kb, row.k_vectors)
            .reorder(k, kb, c, s)
            .vectorize(k)
            .unroll(kb)
            .unroll(c)
            .unroll(s);
        partial.update().reorder(k, kb, c, s, pixels_.x, ryi).vectorize(k).unroll(kb).unroll(c).unroll(s);
        padded_.compute_at(sums, ryo).bound(c, 0, 16).vectorize(c).parallel(cb);
    }

  private:
    Var k{"k"}, c{"c"}, s{"s"}, r{"r"}, x{"x"}, y{"y"}, cb{"cb"}, kb{"kb"}, n{"n"};
    Func padded_{"padded"};
    RDom pixels_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvDenseWeights, conv_dense_weights)
