// What a forward convolution of few input channels computes, for `dense`.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/epilogue.h"
#include "generators/lanes.h"
#include "generators/planes.h"
#include "generators/register_tile.h"
#include "generators/row_of_tiles.h"

using namespace Halide;

namespace {

// src (lane, x, y, 1, n); weights (k lane, s, plane row, k block), of which a filter row has one plane row
// per channel; bias (k lane, k block); dst (k lane, x, y, k block, n); dst_mask of the relu epilogue (x, y, k
// block, n). At most most_images images share a task.
class ConvDensePlanar : public sparsetrain::generators::ClassGenerator<ConvDensePlanar> {
  public:
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "relu"

    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 4>> weights{"weights"};
    Input<Buffer<float, 2>> bias{"bias"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Input<int> most_images{"most_images"};
    Input<int> channels{"channels"};  // of dst
    Output<Buffer<float, 5>> dst{"dst"};

    void configure() {
        if (epilogue.value() == "relu") epilogue_.dst_mask = add_output<Buffer<uint16_t, 4>>("dst_mask");
    }

    void generate() {
        // A tile may reach beyond the last block of output channels: it computes that block again and drops
        // it.
        const Expr block = min(kb, weights.dim(3).extent() - 1);
        const Expr of_src = weights.dim(2).extent() / filter_h;  // channels
        taps_ = RDom(0, of_src, 0, filter_w, 0, filter_h, "taps");
        // Taps in rows of padding are skipped.
        const Expr row = y * stride + taps_.z;
        taps_.where(row >= pad_top && row < pad_top + src.dim(2).extent());
        planes_.define(src, pad_top, pad_left);
        sum_(k, in_tile, tile, y, kb, n) = bias(k, block);
        sum_(k, in_tile, tile, y, kb, n) +=
            planes_.copy((tile * tiles().x_tile + in_tile) * stride + taps_.y, taps_.x, row, n) *
            weights(k, taps_.y, taps_.z * of_src + taps_.x, block);
        Func pixels("pixels");
        pixels(k, x, y, kb, n) = sum_(k, x % tiles().x_tile, x / tiles().x_tile, y, kb, n);
        epilogue_.define(dst, pixels, channels);
    }

    void schedule() {
        Var xo("xo"), xi("xi"), yo("yo"), yi("yi"), kbo("kbo"), kbi("kbi"), no("no"), ni("ni");
        // A block is of whole rows, and of whole images where they are small, but leaves all threads some.
        const Expr rows = clamp(tiles().pixels / dst.dim(1).extent(), 1, dst.dim(2).extent());
        const Expr images = clamp(tiles().pixels / (dst.dim(1).extent() * rows), 1, most_images);
        declare_buffers();
        epilogue_.schedule(dst, xo, [&](Func f) {
            f.split(x, xo, xi, tiles().x_tile, TailStrategy::GuardWithIf)
                .split(y, yo, yi, rows, TailStrategy::GuardWithIf)
                .split(kb, kbo, kbi, tiles().k_vectors, TailStrategy::GuardWithIf)
                .split(n, no, ni, images, TailStrategy::GuardWithIf)
                .reorder(xi, kbi, xo, yi, ni, kbo, yo, no)
                .unroll(xi)  // or the sums would be an array in memory
                .unroll(kbi)
                .parallel(kbo)
                .parallel(yo)
                .parallel(no);
        });
        tile_.keep(sum_, tiles(), LoopLevel(epilogue_.loops(), xo), {tile, y, n});
        tile_.accumulate(sum_.update(), tiles(), registers(), taps_, {filter_w, stride},
                         {taps_.z, tile, y, n});
        planes_.schedule(LoopLevel(epilogue_.loops(), yo));
    }

  private:
    sparsetrain::schedules::DensePlanarRow tiles() const {
        return sparsetrain::generators::row_of_tiles<sparsetrain::schedules::DensePlanarRow>(tile_sizes);
    }
    sparsetrain::schedules::Registers registers() const {
        return sparsetrain::schedules::registers_of(isa.value().c_str());
    }

    void declare_buffers() {
        sparsetrain::generators::declare_lanes(src);
        sparsetrain::generators::declare_lanes(weights);
        src.dim(1).set_stride(16);
        weights.dim(1).set_bounds(0, filter_w).set_stride(16);
        weights.dim(2).set_stride(16 * filter_w);
    }

    sparsetrain::generators::Epilogue epilogue_;
    sparsetrain::generators::RegisterTile tile_;
    sparsetrain::generators::Planes planes_;
    Var &k = epilogue_.k, &x = epilogue_.x, &y = epilogue_.y, &kb = epilogue_.kb, &n = epilogue_.n;
    Var in_tile{"in_tile"}, tile{"tile"};
    Func sum_{"sum"};
    RDom taps_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvDensePlanar, conv_dense_planar)
