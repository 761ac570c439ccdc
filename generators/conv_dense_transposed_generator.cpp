// What bwd_data at a stride above 1 computes, for `dense`.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/epilogue.h"
#include "generators/lanes.h"
#include "generators/schedule_of.h"

using namespace Halide;

namespace {

// Element u = x + pad_left of a padded row of diff_src meets the taps s = u (mod stride) and, through tap s,
// element (u - s) / stride of diff_dst; rows alike. Elements of one phase, u (mod stride), so are a
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
    Output<Buffer<float, 5>> dst{"dst"};

    void configure() {
        if (epilogue.value() == "masked") epilogue_.relu_mask = add_input<Buffer<uint16_t, 4>>("relu_mask");
    }

    void generate() {
        const int tile_width = row().x_tile;
        const int before = (filter_w - 1) / stride;  // how many elements of diff_dst a tap reaches back
        const Expr height = src.dim(2).extent();
        const int most_columns = (filter_w.value() + stride.value() - 1) / stride.value();
        const int most_rows = (filter_h.value() + stride.value() - 1) / stride.value();
        taps_ = RDom(0, 16, 0, most_columns, 0, most_rows, 0, src.dim(3).extent(), "taps");
        const Expr s = taps_.y * stride + phase, r = taps_.z * stride + (y + pad_top) % stride;
        const Expr src_row = (y + pad_top) / stride - taps_.z;
        taps_.where(s < filter_w);
        taps_.where(r < filter_h && src_row >= 0 && src_row < height);

        const Region columns = {{}, {0, src.dim(1).extent()}, {}, {}, {}};
        padded_(c, x, y, cb, n) = BoundaryConditions::constant_exterior(src, 0.0f, columns)(
            c, x - before + pad_left / stride, clamp(y, 0, height - 1), cb, n);

        // A block may reach beyond the last one of output channels: it computes that block again and drops
        // it.
        const Expr block = min(kb, weights.dim(5).extent() - 1);
        sum_(k, phase, in_tile, tile, y, kb, n) = bias(k, block);
        sum_(k, phase, in_tile, tile, y, kb, n) +=
            padded_(taps_.x, tile * tile_width + in_tile + before - taps_.y, src_row, taps_.w, n) *
            weights(k, taps_.x, rotated(s, filter_w), rotated(r, filter_h), taps_.w, block);
        // The columns of a phase, from that of u = pad_left on.
        row_(k, phase, x, y, kb, n) = sum_(k, phase, x % tile_width, x / tile_width, y, kb, n);
        pixels_(k, x, y, kb, n) =
            row_(k, (x + pad_left) % stride, (x + pad_left) / stride - pad_left / stride, y, kb, n);
        epilogue_.define(dst, pixels_);
    }

    void schedule() {
        Var xo("xo"), xi("xi"), yo("yo"), yi("yi"), kbo("kbo"), kbi("kbi"), no("no"), ni("ni");
        // A block is of whole rows, and of whole images where they are small, but leaves all threads some.
        const Expr rows = clamp(row().pixels / dst.dim(1).extent(), 1, dst.dim(2).extent());
        const Expr images = clamp(row().pixels / (dst.dim(1).extent() * rows), 1, most_images);
        declare_buffers();
        epilogue_.schedule(dst, x, [&](Func f) {
            f.split(y, yo, yi, rows, TailStrategy::GuardWithIf)
                .split(kb, kbo, kbi, row().k_vectors, TailStrategy::GuardWithIf)
                .split(n, no, ni, images, TailStrategy::GuardWithIf)
                .reorder(x, kbi, yi, ni, kbo, yo, no)
                .parallel(kbo)
                .parallel(yo)
                .parallel(no);
        });
        row_.compute_at(epilogue_.loops(), yi)
            .bound(phase, 0, stride)
            .bound_extent(kb, row().k_vectors)
            .split(x, xo, xi, row().x_tile, TailStrategy::RoundUp)
            .reorder(k, kb, xi, xo, phase, y, n)
            .vectorize(k)
            .unroll(xi)
            .unroll(kb)
            .unroll(phase);
        sum_.compute_at(row_, xo)
            .store_in(MemoryType::Register)
            .bound(in_tile, 0, row().x_tile)
            .bound_extent(tile, 1)
            .bound_extent(kb, row().k_vectors)
            .reorder(k, kb, in_tile, tile, phase, y, n)
            .vectorize(k)
            .unroll(in_tile)
            .unroll(kb);
        sum_.update()
            .reorder(k, kb, in_tile, taps_.x, taps_.y, taps_.z, taps_.w, tile, phase, y, n)
            .vectorize(k)
            .unroll(in_tile)
            .unroll(kb);
        padded_.compute_at(epilogue_.loops(), yo).bound(c, 0, 16).vectorize(c).parallel(cb);
    }

  private:
    sparsetrain::schedules::DenseRow row() const {
        return sparsetrain::generators::schedule_of(&sparsetrain::schedules::Tables::dense, uarch,
                                                    layer_class, "bwd_data");
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
    Func sum_{"sum"}, row_{"row"}, pixels_{"pixels"}, padded_{"padded"};
    RDom taps_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvDenseTransposed, conv_dense_transposed)
