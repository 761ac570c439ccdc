// fwd and bwd_data of `zero_skip`: rows of the source become lists of nonzeros, a stage sweeps them, and the
// sums leave through the epilogue.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/epilogue.h"
#include "generators/lanes.h"
#include "generators/row_of_tiles.h"
#include "schedules/budgets.h"

using namespace Halide;

namespace {

// src (lane, x, y, c block, n); weights (slab, r, group, k chunk), packed by conv_pack_zero_skip; bias (k
// lane, k block); dst (k lane, x, y, k block, n); dst_mask of the relu epilogue and relu_mask of the masked
// one (x, y, k block, n). In bwd_data src is diff_dst, dst is diff_src, and c and k change places. A tile
// holds rows of images_per_tile images.
class ConvZeroSkip : public sparsetrain::generators::ClassGenerator<ConvZeroSkip> {
  public:
    GeneratorParam<std::string> pass{"pass", "fwd"};
    GeneratorParam<int> l2_bytes{"l2_bytes", 0};
    GeneratorParam<std::string> stage{"stage", ""};  // prefix of the symbols of the two extern stages
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "relu" or "masked"

    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 4>> weights{"weights"};
    Input<Buffer<float, 2>> bias{"bias"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Input<int> images_per_tile{"images_per_tile"};
    Input<int> channels{"channels"};  // of dst
    Output<Buffer<float, 5>> dst{"dst"};

    void configure() {
        if (epilogue.value() == "relu") epilogue_.dst_mask = add_output<Buffer<uint16_t, 4>>("dst_mask");
        if (epilogue.value() == "masked") epilogue_.relu_mask = add_input<Buffer<uint16_t, 4>>("relu_mask");
    }

    void generate() {
        // The row's groups and K chunks: the layout of what its stages read and write, not a way to compute.
        const auto row = schedule_row();
        const Expr blocks = src.dim(3).extent(), groups = (blocks * 16 + row.group - 1) / row.group;
        const std::string prefix = stage;

        // Of a filter of one pixel the stages see what it meets, at stride 1.
        const int src_step = is_sampled() && !is_transposed() ? stride.value() : 1;
        const Expr width = pieces(src.dim(1).extent(), src_step),
                   height = pieces(src.dim(2).extent(), src_step);
        records_.define_extern(prefix + "_lists", {ExternFuncArgument(src), width, blocks}, UInt(32),
                               {word, y, group, n});
        records_
            .bound(word, 0,
                   pieces(width, phases()) * phases() * sparsetrain::schedules::record_words(row.group))
            .bound(group, 0, groups);

        const Expr tile_width = pieces(dst.dim(1).extent(), dst_step());
        tile_.define_extern(
            prefix + "_sweep",
            {records_, ExternFuncArgument(weights), height, width, groups, pad_top, pad_left, tile_width},
            Float(32), {k, kv, x, y, chunk, n});
        tile_.bound(k, 0, 16).bound(kv, 0, row.k_vectors);
        bound_tile_columns(width, tile_width);

        const Expr at_x = x / dst_step(), at_y = y / dst_step();
        Expr value = tile_(k, kb % row.k_vectors, at_x, at_y, kb / row.k_vectors, n);
        if (dst_step() > 1) value = select(x % dst_step() == 0 && y % dst_step() == 0, value, 0.0f);
        sum_(k, x, y, kb, n) = value + bias(k, kb);
        epilogue_.define(dst, sum_, channels);
    }

    void schedule() {
        using sparsetrain::schedules::kVectorBytes;
        // Wide images have fewer rows.
        const int most_bytes = sparsetrain::schedules::tile_bytes(l2_bytes);
        const auto row = schedule_row();
        Var xi("xi"), yo("yo"), yi("yi"), kbo("kbo"), kbi("kbi"), no("no"), ni("ni");
        const Expr rows =
            clamp(most_bytes / (dst.dim(1).extent() * row.k_vectors * kVectorBytes), 1, row.rows);
        const auto traverse = [&](Func f) {
            f.split(y, yo, yi, rows, TailStrategy::GuardWithIf)
                .split(kb, kbo, kbi, row.k_vectors, TailStrategy::GuardWithIf)
                .split(n, no, ni, images_per_tile, TailStrategy::GuardWithIf)
                .reorder(x, yi, ni, kbi, kbo, yo, no)
                .parallel(yo)
                .parallel(no);
            if (dst_step() > 1) f.split(x, x, xi, dst_step(), TailStrategy::GuardWithIf).unroll(xi);
        };
        sparsetrain::generators::declare_lanes(src);
        epilogue_.schedule(dst, x, traverse);
        tile_.compute_at(epilogue_.loops(), kbo);
        records_.compute_at(epilogue_.loops(), yo);
    }

  private:
    static Expr pieces(const Expr& length, int size) { return (length + size - 1) / size; }

    bool is_transposed() const { return pass.value() == "bwd_data"; }
    bool is_sampled() const { return filter_w.value() < stride.value(); }
    // Into how many records the stages deal a row's pixels.
    int phases() const { return is_sampled() || is_transposed() ? 1 : stride.value(); }
    // Of the rows and columns of dst, every dst_step-th is reached by any.
    int dst_step() const { return is_sampled() && is_transposed() ? stride.value() : 1; }

    // The tile's columns are dst's and those beside them that src, `width` wide, reaches.
    void bound_tile_columns(const Expr& width, const Expr& tile_width) {
        const int step = is_sampled() ? 1 : stride.value();
        if (is_transposed()) {
            tile_.bound(x, -pad_left, max((width - 1) * step + filter_w, tile_width + pad_left));
        } else {
            const Expr first = (pad_left - filter_w + step) / step;
            tile_.bound(x, first, (width - 1 + pad_left) / step - first + 1);
        }
    }

    sparsetrain::schedules::ZeroSkipRow schedule_row() const {
        return sparsetrain::generators::row_of_tiles<sparsetrain::schedules::ZeroSkipRow>(tile_sizes);
    }

    sparsetrain::generators::Epilogue epilogue_;
    Var &k = epilogue_.k, &x = epilogue_.x, &y = epilogue_.y, &kb = epilogue_.kb, &n = epilogue_.n;
    Var kv{"kv"}, chunk{"chunk"}, word{"word"}, group{"group"};
    Func records_{"records"}, tile_{"tile"}, sum_{"sum"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvZeroSkip, conv_zero_skip)
