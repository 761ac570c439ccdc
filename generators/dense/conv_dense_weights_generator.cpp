// What bwd_weights computes, for `dense`.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/lanes.h"
#include "generators/row_of_tiles.h"

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
        pixels_ = RDom(0, diff_dst.dim(1).extent(), 0, diff_dst.dim(2).extent(), 0, diff_dst.dim(4).extent(),
                       "pixels");
        // A register tile may reach beyond the last block of output channels: it sums that block again and
        // drops it.
        const Expr block = min(kb, diff_dst.dim(3).extent() - 1);
        diff_weights(k, c, s, r, cb, kb) = 0.0f;
        diff_weights(k, c, s, r, cb, kb) += pixel(pixels_.x * stride + s, pixels_.y * stride + r) *
                                            diff_dst(k, pixels_.x, pixels_.y, block, pixels_.z);
    }

    void schedule() {
        using namespace sparsetrain::generators;
        const auto row =
            sparsetrain::generators::row_of_tiles<sparsetrain::schedules::DenseWeightsRow>(tile_sizes);
        declare_lanes(src);
        declare_lanes(diff_dst);
        declare_lanes(diff_weights);
        Var co("co"), ci("ci"), so("so"), si("si"), kbo("kbo"), kbi("kbi"), xo("xo"), yo("yo"), no("no");
        RVar rxo("rxo"), rxi("rxi"), ryo("ryo"), ryi("ryi"), rno("rno"), rni("rni");
        // A block is of whole rows, or a piece of one that holds an image, and of whole images where they are
        // small.
        const Expr width = diff_dst.dim(1).extent(), height = diff_dst.dim(2).extent();
        const Expr rows = clamp(row.pixels / width, 1, height);
        const Expr images = max(row.pixels / (width * rows), 1);
        Func sums(diff_weights);
        sums.compute_root()
            .bound(k, 0, 16)
            .bound(c, 0, 16)
            .bound(s, 0, filter_w)
            .bound(r, 0, filter_h)
            .vectorize(k)
            .parallel(kb);
        // Partial sums over blocks of pixels, each in registers.
        sums.update()
            .split(pixels_.x, rxo, rxi, row.pixels, TailStrategy::GuardWithIf)
            .split(pixels_.y, ryo, ryi, rows, TailStrategy::GuardWithIf)
            .split(pixels_.z, rno, rni, images, TailStrategy::GuardWithIf);
        Func partial = sums.update().rfactor({{rxo, xo}, {ryo, yo}, {rno, no}});
        sums.update()
            .split(c, co, ci, row.c_lanes)
            .split(s, so, si, row.tap_columns, TailStrategy::GuardWithIf)
            .split(kb, kbo, kbi, row.k_vectors, TailStrategy::GuardWithIf)
            .reorder(k, ci, si, kbi, co, so, r, cb, kbo, rxo, ryo, rno)
            .vectorize(k)
            .unroll(ci)
            .unroll(si)
            .unroll(kbi)  // or the partial sums would be an array in memory
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
        partial.update().reorder(k, kb, c, s, rxi, ryi, rni).vectorize(k).unroll(kb).unroll(c).unroll(s);
        if (padded_.defined()) padded_.compute_at(sums, ryo).bound(c, 0, 16).vectorize(c).parallel(cb);
    }

  private:
    // The pixel (x, y) of padded src; of src as it is under a 1x1 filter, which has no padding.
    Expr pixel(const Expr& padded_x, const Expr& padded_y) {
        if (filter_h == 1 && filter_w == 1) return src(c, padded_x, padded_y, cb, pixels_.z);
        const Region image = {{}, {0, src.dim(1).extent()}, {0, src.dim(2).extent()}, {}, {}};
        padded_(c, x, y, cb, n) =
            BoundaryConditions::constant_exterior(src, 0.0f, image)(c, x - pad_left, y - pad_top, cb, n);
        return padded_(c, padded_x, padded_y, cb, pixels_.z);
    }

    Var k{"k"}, c{"c"}, s{"s"}, r{"r"}, x{"x"}, y{"y"}, cb{"cb"}, kb{"kb"}, n{"n"};
    Func padded_{"padded"};
    RDom pixels_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvDenseWeights, conv_dense_weights)
