// What bwd_weights of few input channels computes, for `dense`.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/lanes.h"
#include "generators/planes.h"
#include "generators/row_of_tiles.h"

using namespace Halide;

namespace {

// src (lane, x, y, 1, n), of which `channels` lanes are no padding; diff_dst (k lane, x, y, k block, n);
// diff_weights in the master layout (k lane, c lane, s, r, 1, k block).
class ConvDensePlanarWeights : public sparsetrain::generators::ClassGenerator<ConvDensePlanarWeights> {
  public:
    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 5>> diff_dst{"diff_dst"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Input<int> channels{"channels"};  // of src
    Output<Buffer<float, 6>> diff_weights{"diff_weights"};

    void generate() {
        pixels_ = RDom(0, diff_dst.dim(1).extent(), 0, diff_dst.dim(2).extent(), 0, diff_dst.dim(4).extent(),
                       "pixels");
        planes_.define(src, pad_top, pad_left);
        // A register tile may reach beyond the last block of output channels: it sums that block again and
        // drops it.
        const Expr block = min(kb, diff_dst.dim(3).extent() - 1);
        sums_(k, s, row, kb) = 0.0f;
        sums_(k, s, row, kb) += planes_.copy(pixels_.x * stride + s, row % channels,
                                             pixels_.y * stride + row / channels, pixels_.z) *
                                diff_dst(k, pixels_.x, pixels_.y, block, pixels_.z);
        diff_weights(k, c, s, r, cb, kb) =
            select(c < channels, sums_(k, s, clamp(r * channels + c, 0, filter_h * channels - 1), kb), 0.0f);
    }

    void schedule() {
        using namespace sparsetrain::generators;
        const auto tiles = row_of_tiles<sparsetrain::schedules::DensePlanarWeightsRow>(tile_sizes);
        declare_lanes(src);
        declare_lanes(diff_dst);
        declare_lanes(diff_weights);
        src.dim(1).set_stride(16);
        diff_dst.dim(1).set_stride(16);
        Var rowo("rowo"), rowi("rowi"), so("so"), si("si"), kbo("kbo"), kbi("kbi"), xo("xo"), yo("yo"),
            no("no");
        RVar rxo("rxo"), rxi("rxi"), ryo("ryo"), ryi("ryi"), rno("rno"), rni("rni");
        Func(diff_weights)
            .compute_root()
            .bound(k, 0, 16)
            .bound(c, 0, 16)
            .bound(s, 0, filter_w)
            .bound(r, 0, filter_h)
            .vectorize(k)
            .parallel(kb);
        // A block is of whole rows, or a piece of one that holds an image, and of whole images where they are
        // small.
        const Expr width = diff_dst.dim(1).extent(), height = diff_dst.dim(2).extent();
        const Expr rows = clamp(tiles.pixels / width, 1, height);
        const Expr images = max(tiles.pixels / (width * rows), 1);
        sums_.compute_root()
            .bound(k, 0, 16)
            .bound(s, 0, filter_w)
            .bound(row, 0, filter_h * channels)
            .vectorize(k);
        // Partial sums over blocks of pixels, each in registers.
        sums_.update()
            .split(pixels_.x, rxo, rxi, tiles.pixels, TailStrategy::GuardWithIf)
            .split(pixels_.y, ryo, ryi, rows, TailStrategy::GuardWithIf)
            .split(pixels_.z, rno, rni, images, TailStrategy::GuardWithIf);
        Func partial = sums_.update().rfactor({{rxo, xo}, {ryo, yo}, {rno, no}});
        sums_.update()
            .split(s, so, si, tiles.tap_columns, TailStrategy::GuardWithIf)
            .split(row, rowo, rowi, tiles.tap_rows, TailStrategy::GuardWithIf)
            .split(kb, kbo, kbi, tiles.k_vectors, TailStrategy::GuardWithIf)
            .reorder(k, si, rowi, kbi, so, rowo, kbo, rxo, ryo, rno)
            .vectorize(k)
            .unroll(si)
            .unroll(rowi)
            .unroll(kbi)  // or the partial sums would be an array in memory
            .parallel(rowo)
            .parallel(kbo);
        partial.compute_at(sums_, so)
            .store_in(MemoryType::Register)
            .bound_extent(s, tiles.tap_columns)
            .bound_extent(row, tiles.tap_rows)
            .bound_extent(kb, tiles.k_vectors)
            .reorder(k, kb, s, row)
            .vectorize(k)
            .unroll(kb)
            .unroll(s)
            .unroll(row);
        partial.update().reorder(k, kb, s, row, rxi, ryi, rni).vectorize(k).unroll(kb).unroll(s).unroll(row);
        planes_.schedule(LoopLevel(sums_, ryo));
    }

  private:
    Var k{"k"}, c{"c"}, s{"s"}, r{"r"}, row{"row"}, cb{"cb"}, kb{"kb"};
    sparsetrain::generators::Planes planes_;
    Func sums_{"sums"};
    RDom pixels_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvDensePlanarWeights, conv_dense_planar_weights)
