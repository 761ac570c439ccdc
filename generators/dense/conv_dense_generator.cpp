// What a forward convolution computes, for `dense`; and bwd_data at stride 1, which is one of diff_dst with
// weights that are rotated by 180 degrees and have K and C exchanged.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/epilogue.h"
#include "generators/lanes.h"
#include "generators/register_tile.h"
#include "generators/row_of_tiles.h"

using namespace Halide;

namespace {

// src (lane, x, y, c block, n); weights (k lane, c lane, s, r, c block, k block); bias (k lane, k block); dst
// (k lane, x, y, k block, n); dst_mask of the relu epilogue and relu_mask of the masked one (x, y, k block,
// n). In bwd_data src is diff_dst and dst diff_src. At most most_images images share a task.
//
// A 1x1 filter at stride 1 does not mind where rows end: src and dst may have all pixels in one.
class ConvDense : public sparsetrain::generators::ClassGenerator<ConvDense> {
  public:
    GeneratorParam<std::string> pass{"pass", "fwd"};
    GeneratorParam<std::string> width{"width", "any"};  // of images; or "whole": a whole number of tiles
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "relu" or "masked"

    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 6>> weights{"weights"};
    Input<Buffer<float, 2>> bias{"bias"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Input<int> most_images{"most_images"};
    Input<int> channels{"channels"};  // of dst
    Output<Buffer<float, 5>> dst{"dst"};

    void configure() {
        if (epilogue.value() == "relu") epilogue_.dst_mask = add_output<Buffer<uint16_t, 4>>("dst_mask");
        if (epilogue.value() == "masked") epilogue_.relu_mask = add_input<Buffer<uint16_t, 4>>("relu_mask");
    }

    void generate() {
        _halide_user_assert(stride == 1 || (pass.value() == "fwd" && width.value() == "any"))
            << "no such pipeline at stride " << stride.value();
        // A tile may reach beyond the last block of output channels: it computes that block again and drops
        // it.
        const Expr block = min(kb, weights.dim(5).extent() - 1), c_blocks = src.dim(3).extent();
        // The last chunk of input channels is added to the sums of those before it, if there are any, on the
        // way to dst.
        const Expr earlier = row().chunk == 0 ? 0 : (c_blocks - 1) / row().chunk * row().chunk;
        has_earlier_ = earlier > 0;
        earlier_taps_ = RDom(0, 16, 0, filter_w, 0, filter_h, 0, earlier, "earlier_taps");
        taps_ = RDom(0, 16, 0, filter_w, 0, filter_h, earlier, c_blocks - earlier, "taps");
        define_sum(earlier_sum_, earlier_taps_, bias(k, block), block);
        define_sum(sum_, taps_,
                   row().chunk == 0
                       ? bias(k, block)
                       : select(has_earlier_, earlier_sum_(k, in_tile, tile, y, kb, n), bias(k, block)),
                   block);
        Func pixels("pixels");
        pixels(k, x, y, kb, n) = sum_(k, x % row().x_tile, x / row().x_tile, y, kb, n);
        epilogue_.define(dst, pixels, channels);
    }

    void schedule() {
        Var xb("xb"), xo("xo"), xi("xi"), yo("yo"), yi("yi"), kbo("kbo"), kbi("kbi"), no("no"), ni("ni");
        // A block is of whole rows, or a piece of one that holds an image, and of whole images where they are
        // small, but leaves all threads some.
        const Expr rows = clamp(row().pixels / dst.dim(1).extent(), 1, dst.dim(2).extent());
        const Expr images = clamp(row().pixels / (dst.dim(1).extent() * rows), 1, most_images);
        const Expr tiles = pointwise() ? Expr(row().pixels / row().x_tile) : dst.dim(1).extent();
        const auto traverse = [&](Func f) {
            f.split(x, xo, xi, row().x_tile, TailStrategy::GuardWithIf)
                .split(xo, xb, xo, tiles, TailStrategy::GuardWithIf)
                .split(y, yo, yi, rows, TailStrategy::GuardWithIf)
                .split(kb, kbo, kbi, row().k_vectors, TailStrategy::GuardWithIf)
                .split(n, no, ni, images, TailStrategy::GuardWithIf)
                .reorder(xi, kbi, xo, yi, ni, kbo, xb, yo, no)
                .unroll(xi)  // or the sums would be an array in memory
                .unroll(kbi)
                .parallel(kbo)
                .parallel(xb)
                .parallel(yo)
                .parallel(no);
        };
        declare_buffers();
        epilogue_.schedule(dst, xo, traverse);
        tile_.keep(sum_, row(), LoopLevel(epilogue_.loops(), xo), {tile, y, n});
        const auto columns = source_columns();
        tile_.accumulate(sum_.update(), row(), registers(), taps_, columns, {taps_.z, taps_.w, tile, y, n});
        unroll_columns(sum_.update(), taps_);
        if (row().chunk != 0) {
            // A branch, not a blend: without earlier chunks their sums have no memory, and for masked loads
            // from addresses without memory CPUs take hundreds of cycles.
            sum_.specialize(has_earlier_);
            unroll_columns(tile_.keep_block(earlier_sum_, earlier_taps_, row(), registers(), columns,
                                            LoopLevel(epilogue_.loops(), kbo)),
                           earlier_taps_);
        }
        if (padded_.defined()) {
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
        return sparsetrain::schedules::source_columns({filter_h, filter_w, stride}, pass.value().c_str());
    }
    // With tiles no wider than the filter most would be at an edge, and the loops spill: they take the copy.
    bool whole_tiles() const { return width.value() == "whole" && row().x_tile > filter_w; }

    // The tests for padding are constants then, but one on each side. Columns that share registers are
    // unrolled.
    void unroll_columns(Stage sum, const RDom& taps) const {
        if (whole_tiles() && !source_columns().are_shared(row(), registers())) sum.unroll(taps.y);
    }

    // A pixel's place in its tile is a dimension, so that it is a constant where a tile is unrolled.
    void define_sum(Func& sum, RDom& taps, const Expr& initial, const Expr& block) {
        sum(k, in_tile, tile, y, kb, n) = initial;
        sum(k, in_tile, tile, y, kb, n) += pixel(taps) * weights(k, taps.x, taps.y, taps.z, taps.w, block);
    }

    Expr pixel(RDom& taps) {
        if (pointwise()) return pixel_of_row(taps);
        const Expr above = pass.value() == "fwd" ? Expr(pad_top) : filter_h - 1 - pad_top;
        const Expr left = pass.value() == "fwd" ? Expr(pad_left) : filter_w - 1 - pad_left;
        const Expr height = src.dim(2).extent(), tap_row = y * stride + taps.z - above;
        // Taps in rows of padding are skipped.
        taps.where(tap_row >= 0 && tap_row < height);
        return whole_tiles() ? pixel_of_src(taps, above) : pixel_of_copy(taps, above, left);
    }

    // The pixel of src under a 1x1 filter. A tile may reach beyond dst's last pixel: it takes that one again.
    Expr pixel_of_row(const RDom& taps) {
        const Expr in_row = min(likely(tile * row().x_tile + in_tile), dst.dim(1).extent() - 1);
        return src(taps.x, in_row * stride, y * stride, taps.w, n);
    }

    // The pixel of src under a tap, where images of dst are whole tiles, and as wide as those of src: then
    // the taps in the padding are known but for whether a tile is the first or the last, and are skipped,
    // too.
    Expr pixel_of_src(RDom& taps, const Expr& above) {
        const int left = (filter_w - 1) / 2, tile_width = row().x_tile;
        const Expr src_width = src.dim(1).extent(), height = src.dim(2).extent();
        const Expr in_src_tile = in_tile + taps.y - left;
        taps.where(in_src_tile >= 0 || tile > 0);
        taps.where(in_src_tile < tile_width || (tile + 1) * tile_width < src_width);
        return src(taps.x, unsafe_promise_clamped(tile * tile_width + in_src_tile, 0, src_width - 1),
                   unsafe_promise_clamped(y + taps.z - above, 0, height - 1), taps.w, n);
    }

    // The same from a copy with zeros at both ends of its rows, for any width and padding. Rows in the
    // padding are not read, whatever they hold.
    Expr pixel_of_copy(const RDom& taps, const Expr& above, const Expr& left) {
        const Region rows = {{}, {0, src.dim(1).extent()}, {}, {}, {}};
        if (!padded_.defined()) {
            padded_(c, x, y, cb, n) = BoundaryConditions::constant_exterior(src, 0.0f, rows)(
                c, x - left, clamp(y - above, 0, src.dim(2).extent() - 1), cb, n);
        }
        return padded_(taps.x, (tile * row().x_tile + in_tile) * stride + taps.y, y * stride + taps.z, taps.w,
                       n);
    }

    // Strides as constants: the addresses of a tile's pixels need one register then, not one each.
    void declare_buffers() {
        sparsetrain::generators::declare_lanes(src);
        sparsetrain::generators::declare_lanes(weights);
        src.dim(1).set_stride(16);
        weights.dim(1).set_bounds(0, 16).set_stride(16);
        weights.dim(2).set_bounds(0, filter_w).set_stride(16 * 16);
        weights.dim(3).set_bounds(0, filter_h).set_stride(16 * 16 * filter_w);
        if (!whole_tiles()) return;
        dst.dim(1).set_extent(dst.dim(1).extent() / row().x_tile * row().x_tile);
        src.dim(1).set_extent(dst.dim(1).extent());
    }

    sparsetrain::generators::Epilogue epilogue_;
    sparsetrain::generators::RegisterTile tile_;
    Var &k = epilogue_.k, &x = epilogue_.x, &y = epilogue_.y, &kb = epilogue_.kb, &n = epilogue_.n;
    Var c{"c"}, cb{"cb"}, in_tile{"in_tile"}, tile{"tile"};
    Func earlier_sum_{"earlier_sum"}, sum_{"sum"}, padded_{"padded"};
    RDom earlier_taps_, taps_;
    Expr has_earlier_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvDense, conv_dense)
