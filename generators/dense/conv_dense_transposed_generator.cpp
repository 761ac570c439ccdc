// What bwd_data at a stride above 1 computes, for `dense`.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/epilogue.h"
#include "generators/lanes.h"
#include "generators/register_tile.h"
#include "generators/row_of_tiles.h"

using namespace Halide;

namespace {

// Pixel x of a row of diff_src meets the taps s = x + pad_left (mod stride) and, through tap s, pixel
// (x + pad_left - s) / stride of diff_dst; rows alike. Pixels of one phase, x (mod stride), so are a
// convolution of stride 1 with every stride-th tap.
//
// src is diff_dst (k lane, x, y, k block, n); weights (c lane, k lane, s, r, k block, c block), rotated by
// 180 degrees; bias (c lane, c block); dst is diff_src (c lane, x, y, c block, n); relu_mask of the masked
// epilogue (x, y, c block, n). At most most_images images share a task.
class ConvDenseTransposed : public sparsetrain::generators::ClassGenerator<ConvDenseTransposed> {
  public:
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "masked"

    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 6>> weights{"weights"};
    Input<Buffer<float, 2>> bias{"bias"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Input<int> most_images{"most_images"};
    Input<int> channels{"channels"};  // of dst
    Output<Buffer<float, 5>> dst{"dst"};

    void configure() {
        if (epilogue.value() == "masked") epilogue_.relu_mask = add_input<Buffer<uint16_t, 4>>("relu_mask");
    }

    void generate() {
        // A block may reach beyond the last one of output channels: it computes that block again and drops
        // it.
        block_ = min(kb, weights.dim(5).extent() - 1);
        Func pixels("pixels");
        const Expr of_phase = x / stride, in_tile_of_x = of_phase % row().x_tile,
                   tile_of_x = of_phase / row().x_tile;
        if (pointwise()) {
            define_products();
            pixels(k, x, y, kb, n) = select(x % stride == 0 && y % stride == 0,
                                            sum_(k, in_tile_of_x, tile_of_x, y / stride, kb, n), 0.0f);
        } else {
            define_phases();
            pixels(k, x, y, kb, n) = phases_(k, in_tile_of_x, x % stride, tile_of_x, y, kb, n);
        }
        epilogue_.define(dst, pixels, channels);
    }

    void schedule() {
        Var xo("xo"), xi("xi"), yo("yo"), yi("yi"), kbo("kbo"), kbi("kbi"), no("no"), ni("ni");
        // A block is of whole rows, and of whole images where they are small, but leaves all threads some.
        const Expr rows = clamp(row().pixels / dst.dim(1).extent(), 1, dst.dim(2).extent());
        const Expr images = clamp(row().pixels / (dst.dim(1).extent() * rows), 1, most_images);
        declare_buffers();
        epilogue_.schedule(dst, xo, [&](Func f) {
            f.split(x, xo, xi, row().x_tile * stride, TailStrategy::GuardWithIf)
                .split(y, yo, yi, rows, TailStrategy::GuardWithIf)
                .split(kb, kbo, kbi, row().k_vectors, TailStrategy::GuardWithIf)
                .split(n, no, ni, images, TailStrategy::GuardWithIf)
                .reorder(xi, kbi, xo, yi, ni, kbo, yo, no)
                .unroll(xi)
                .unroll(kbi)
                .parallel(kbo)
                .parallel(yo)
                .parallel(no);
        });
        if (pointwise()) {
            tile_.keep_block(sum_, taps_, row(), registers(), source_columns(),
                             LoopLevel(epilogue_.loops(), kbo));
        } else {
            schedule_phases(LoopLevel(epilogue_.loops(), xo));
            padded_.compute_at(epilogue_.loops(), yo).bound(c, 0, 16).vectorize(c).parallel(cb);
        }
    }

  private:
    sparsetrain::schedules::DenseRow row() const {
        return sparsetrain::generators::row_of_tiles<sparsetrain::schedules::DenseRow>(tile_sizes);
    }

    sparsetrain::schedules::Registers registers() const {
        return sparsetrain::schedules::registers_of(isa.value().c_str());
    }
    bool pointwise() const { return filter_h == 1 && filter_w == 1; }
    sparsetrain::schedules::SourceColumns source_columns() const {
        return sparsetrain::schedules::source_columns({filter_h, filter_w, stride}, "bwd_data");
    }
    // That a pixel may meet, of `taps` of a filter row or column.
    int most_taps(int taps) const { return (taps + stride - 1) / stride; }

    // Of a 1x1 filter, which has no padding: what pixels of diff_dst are to those of phase 0; others meet
    // none. A tile may reach beyond the last one: it takes that one again.
    void define_products() {
        taps_ = RDom(0, 16, 0, 1, 0, 1, 0, src.dim(3).extent(), "taps");
        const Expr in_row = min(likely(tile * row().x_tile + in_tile), src.dim(1).extent() - 1);
        sum_(k, in_tile, tile, y, kb, n) = bias(k, block_);
        sum_(k, in_tile, tile, y, kb, n) +=
            src(taps_.x, in_row, y, taps_.w, n) * weights(k, taps_.x, taps_.y, taps_.z, taps_.w, block_);
    }

    // Of other filters: the sums of all phases of a tile, from which they go to dst in turns.
    void define_phases() {
        const Expr height = src.dim(2).extent();
        taps_ = RDom(0, 16, 0, most_taps(filter_w), 0, most_taps(filter_h), 0, src.dim(3).extent(), "taps");
        const Expr s = taps_.y * stride + (phase + pad_left) % stride,
                   r = taps_.z * stride + (y + pad_top) % stride;
        const Expr src_row = (y + pad_top) / stride - taps_.z;
        taps_.where(s < filter_w);
        taps_.where(r < filter_h && src_row >= 0 && src_row < height);
        const int before = most_taps(filter_w) - 1;  // how many pixels of diff_dst a tap reaches back
        const Region columns = {{}, {0, src.dim(1).extent()}, {}, {}, {}};
        padded_(c, x, y, cb, n) =
            BoundaryConditions::constant_exterior(src, 0.0f, columns)(c, x - before, y, cb, n);
        const Expr column = tile * row().x_tile + in_tile + (phase + pad_left) / stride - taps_.y;
        sum_(k, in_tile, phase, tile, y, kb, n) = bias(k, block_);
        sum_(k, in_tile, phase, tile, y, kb, n) +=
            padded_(taps_.x, column + before, unsafe_promise_clamped(src_row, 0, height - 1), taps_.w, n) *
            weights(k, taps_.x, rotated(s, filter_w), rotated(r, filter_h), taps_.w, block_);
        phases_(k, in_tile, phase, tile, y, kb, n) = sum_(k, in_tile, phase, tile, y, kb, n);
    }

    void schedule_phases(const LoopLevel& tile_loop) {
        phases_.compute_at(tile_loop).bound(phase, 0, stride).bound_extent(tile, 1);
        tile_.initialise(phases_, row(), {phase, tile, y, n});
        phases_.unroll(phase);
        tile_.keep(sum_, row(), LoopLevel(phases_, phase), {phase, tile, y, n});
        tile_.accumulate(sum_.update(), row(), registers(), taps_, source_columns(),
                         {taps_.z, taps_.w, phase, tile, y, n});
    }

    // The place of a tap in the rotated filter; taps beyond are left out by `where`, which bounds do not see.
    static Expr rotated(const Expr& tap, int size) {
        return unsafe_promise_clamped(size - 1 - tap, 0, size - 1);
    }

    // Strides as constants: the addresses of a tile's pixels need one register then, not one each.
    void declare_buffers() {
        sparsetrain::generators::declare_lanes(src);
        sparsetrain::generators::declare_lanes(weights);
        src.dim(1).set_stride(16);
        weights.dim(1).set_bounds(0, 16).set_stride(16);
        weights.dim(2).set_bounds(0, filter_w).set_stride(16 * 16);
        weights.dim(3).set_bounds(0, filter_h).set_stride(16 * 16 * filter_w);
    }

    sparsetrain::generators::Epilogue epilogue_;
    Var &k = epilogue_.k, &x = epilogue_.x, &y = epilogue_.y, &kb = epilogue_.kb, &n = epilogue_.n;
    Var c{"c"}, cb{"cb"}, phase{"phase"}, in_tile{"in_tile"}, tile{"tile"};
    sparsetrain::generators::RegisterTile tile_;
    Func sum_{"sum"}, phases_{"phases"}, padded_{"padded"};
    RDom taps_;
    Expr block_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvDenseTransposed, conv_dense_transposed)
