// What a forward convolution computes, for `dense`; with rotated, transposed weights it is also bwd_data at
// stride 1.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/epilogue.h"
#include "generators/lanes.h"
#include "generators/schedule_of.h"

using namespace Halide;

namespace {

// src (lane, x, y, c block, n); weights (k lane, c lane, s, r, c block, k block); bias (k lane, k block); dst
// (k lane, x, y, k block, n); dst_mask of the relu epilogue and relu_mask of the masked one (x, y, k block,
// n). At most most_images images share a task.
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
    Output<Buffer<float, 5>> dst{"dst"};

    void configure() {
        if (epilogue.value() == "relu") epilogue_.dst_mask = add_output<Buffer<uint16_t, 4>>("dst_mask");
        if (epilogue.value() == "masked") epilogue_.relu_mask = add_input<Buffer<uint16_t, 4>>("relu_mask");
    }

    void generate() {
        const int tile_width = row().x_tile;
        const Expr height = src.dim(2).extent(), c_blocks = src.dim(3).extent();
        taps_ = RDom(0, 16, 0, filter_w, 0, filter_h, 0, c_blocks, "taps");
        // Taps in rows of padding are skipped.
        const Expr tap_row = y * stride + taps_.z - top();
        taps_.where(tap_row >= 0 && tap_row < height);
        // A tile may reach beyond the last block of output channels: it computes that block again and drops
        // it.
        const Expr block = min(kb, weights.dim(5).extent() - 1);
        // A pixel's place in its tile is a dimension, so that it is a constant where a tile is unrolled.
        sum_(k, in_tile, tile, y, kb, n) = bias(k, block);
        sum_(k, in_tile, tile, y, kb, n) += (whole_tiles() ? pixel_of_src() : pixel_of_copy()) *
                                            weights(k, taps_.x, taps_.y, taps_.z, taps_.w, block);
        Func pixels("pixels");
        pixels(k, x, y, kb, n) = sum_(k, x % tile_width, x / tile_width, y, kb, n);
        epilogue_.define(dst, pixels);
    }

    void schedule() {
        Var xo("xo"), xi("xi"), yo("yo"), yi("yi"), kbo("kbo"), kbi("kbi"), no("no"), ni("ni");
        // A block is of whole rows, and of whole images where they are small, but leaves all threads some.
        const Expr rows = clamp(row().pixels / dst.dim(1).extent(), 1, dst.dim(2).extent());
        const Expr images = clamp(row().pixels / (dst.dim(1).extent() * rows), 1, most_images);
        const auto traverse = [&](Func f) {
            f.split(x, xo, xi, row().x_tile, TailStrategy::GuardWithIf)
                .split(y, yo, yi, rows, TailStrategy::GuardWithIf)
                .split(kb, kbo, kbi, row().k_vectors, TailStrategy::GuardWithIf)
                .split(n, no, ni, images, TailStrategy::GuardWithIf)
                .reorder(xi, kbi, xo, yi, ni, kbo, yo, no)
                .parallel(kbo)
                .parallel(yo)
                .parallel(no);
        };
        declare_buffers();
        epilogue_.schedule(dst, xo, traverse);
        sum_.compute_at(epilogue_.loops(), xo)
            .store_in(MemoryType::Register)
            .bound(in_tile, 0, row().x_tile)
            .bound_extent(tile, 1)
            .bound_extent(kb, row().k_vectors)
            .bound_extent(y, 1)
            .bound_extent(n, 1)
            .reorder(k, kb, in_tile, tile, y, n)
            .vectorize(k)
            .unroll(in_tile)
            .unroll(kb);
        sum_.update()
            .reorder(k, kb, in_tile, taps_.x, taps_.y, taps_.z, taps_.w, tile, y, n)
            .vectorize(k)
            .unroll(in_tile)
            .unroll(kb);
        if (whole_tiles()) {
            // The tests for padding are constants then, but one on each side.
            sum_.update().unroll(taps_.y);
        } else {
            padded_.compute_at(epilogue_.loops(), yo).bound(c, 0, 16).vectorize(c).parallel(cb);
        }
    }

  private:
    const sparsetrain::schedules::DenseRow& row() const {
        return sparsetrain::generators::schedule_of(&sparsetrain::schedules::Tables::dense, isa, layer_class,
                                                    pass);
    }
    // How far the filter reaches before the first pixel: rotated, as far as it did behind the last one.
    Expr top() { return pass.value() == "fwd" ? Expr(pad_top) : filter_h - 1 - pad_top; }
    Expr left() { return pass.value() == "fwd" ? Expr(pad_left) : filter_w - 1 - pad_left; }
    bool whole_tiles() const { return width.value() == "whole"; }

    // The pixel of src under a tap, where images of dst are whole tiles, and as wide as those of src: then
    // the taps in the padding are known but for whether a tile is the first or the last, and are skipped,
    // too.
    Expr pixel_of_src() {
        const int left = (filter_w - 1) / 2, tile_width = row().x_tile;
        _halide_user_assert(tile_width >= filter_w) << "expected a tile at least as wide as the filter";
        const Expr src_width = src.dim(1).extent(), height = src.dim(2).extent();
        const Expr in_src_tile = in_tile * stride + taps_.y - left, src_tile_width = tile_width * stride;
        taps_.where(in_src_tile >= 0 || tile > 0);
        taps_.where(in_src_tile < src_tile_width || (tile + 1) * src_tile_width < src_width);
        return src(taps_.x, unsafe_promise_clamped(tile * src_tile_width + in_src_tile, 0, src_width - 1),
                   unsafe_promise_clamped(y * stride + taps_.z - top(), 0, height - 1), taps_.w, n);
    }

    // The same from a copy with zeros at both ends of its rows, for any width and padding. Rows in the
    // padding are not read, whatever they hold.
    Expr pixel_of_copy() {
        const Expr height = src.dim(2).extent();
        const Region rows = {{}, {0, src.dim(1).extent()}, {}, {}, {}};
        padded_(c, x, y, cb, n) = BoundaryConditions::constant_exterior(src, 0.0f, rows)(
            c, x - left(), clamp(y - top(), 0, height - 1), cb, n);
        return padded_(taps_.x, (tile * row().x_tile + in_tile) * stride + taps_.y, y * stride + taps_.z,
                       taps_.w, n);
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
        src.dim(1).set_extent(dst.dim(1).extent() * stride);
    }

    sparsetrain::generators::Epilogue epilogue_;
    Var &k = epilogue_.k, &x = epilogue_.x, &y = epilogue_.y, &kb = epilogue_.kb, &n = epilogue_.n;
    Var c{"c"}, cb{"cb"}, in_tile{"in_tile"}, tile{"tile"};
    Func sum_{"sum"}, padded_{"padded"};
    RDom taps_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvDense, conv_dense)
