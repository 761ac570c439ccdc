// What a forward convolution computes, for `zero_skip`: rows of src become lists of nonzeros, a stage sweeps
// them, and the sums leave through the epilogue. With rotated, transposed weights it is also bwd_data at
// stride 1.
#include <Halide.h>

#include "generators/epilogue.h"
#include "generators/lanes.h"
#include "generators/schedule_of.h"

using namespace Halide;

namespace {

// src (lane, x, y, c block, n); weights (slab, r, group, k chunk), packed by conv_pack_scatter; bias (k lane,
// k block); dst (k lane, x, y, k block, n); dst_mask of the relu epilogue and relu_mask of the masked one (x,
// y, k block, n). A tile holds rows of images_per_tile images.
class ConvZeroSkip : public Generator<ConvZeroSkip> {
  public:
    GeneratorParam<std::string> isa{"isa", ""};
    GeneratorParam<std::string> layer_class{"layer_class", ""};
    GeneratorParam<std::string> pass{"pass", "fwd"};
    GeneratorParam<std::string> blocking{"blocking", ""};
    GeneratorParam<std::string> stage{"stage", ""};  // prefix of the symbols of the two extern stages
    GeneratorParam<int> filter_w{"filter_w", 3};
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "relu" or "masked"

    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 4>> weights{"weights"};
    Input<Buffer<float, 2>> bias{"bias"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Input<int> images_per_tile{"images_per_tile"};
    Output<Buffer<float, 5>> dst{"dst"};

    void configure() {
        if (epilogue.value() == "relu") epilogue_.dst_mask = add_output<Buffer<uint16_t, 4>>("dst_mask");
        if (epilogue.value() == "masked") epilogue_.relu_mask = add_input<Buffer<uint16_t, 4>>("relu_mask");
    }

    void generate() {
        // The row's groups and K chunks: the layout of what its stages read and write, not a way to compute.
        const auto& row = schedule_row();
        const Expr width = src.dim(1).extent(), height = src.dim(2).extent(), blocks = src.dim(3).extent();
        const Expr groups = (blocks * 16 + row.group - 1) / row.group;
        const std::string prefix = stage;

        records_.define_extern(prefix + "_lists", {ExternFuncArgument(src), width, blocks}, UInt(32),
                               {word, y, group, n});
        records_.bound(word, 0, width * sparsetrain::schedules::record_words(row.group))
            .bound(group, 0, groups);

        tile_.define_extern(prefix + "_sweep",
                            {records_, ExternFuncArgument(weights), height, width, groups, pad_top, pad_left,
                             dst.dim(1).extent()},
                            Float(32), {k, kv, x, y, chunk, n});
        tile_.bound(k, 0, 16).bound(kv, 0, row.k_vectors).bound(x, 0, width + filter_w - 1);

        sum_(k, x, y, kb, n) =
            tile_(k, kb % row.k_vectors, x + (filter_w - 1) - pad_left, y, kb / row.k_vectors, n) +
            bias(k, kb);
        epilogue_.define(dst, sum_);
    }

    void schedule() {
        const auto& row = schedule_row();
        Var yo("yo"), yi("yi"), kbo("kbo"), kbi("kbi"), no("no"), ni("ni");
        const auto traverse = [&](Func f) {
            f.split(y, yo, yi, row.rows, TailStrategy::GuardWithIf)
                .split(kb, kbo, kbi, row.k_vectors, TailStrategy::GuardWithIf)
                .split(n, no, ni, images_per_tile, TailStrategy::GuardWithIf)
                .reorder(x, yi, ni, kbi, kbo, yo, no)
                .parallel(yo)
                .parallel(no);
        };
        sparsetrain::generators::declare_lanes(src);
        epilogue_.schedule(dst, x, traverse);
        tile_.compute_at(epilogue_.loops(), kbo);
        records_.compute_at(epilogue_.loops(), yo);
    }

  private:
    const sparsetrain::schedules::ScatterRow& schedule_row() const {
        return sparsetrain::generators::schedule_of(&sparsetrain::schedules::Tables::scatter, isa, layer_class, pass,
                                                    blocking);
    }

    sparsetrain::generators::Epilogue epilogue_;
    Var &k = epilogue_.k, &x = epilogue_.x, &y = epilogue_.y, &kb = epilogue_.kb, &n = epilogue_.n;
    Var kv{"kv"}, chunk{"chunk"}, word{"word"}, group{"group"};
    Func records_{"records"}, tile_{"tile"}, sum_{"sum"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvZeroSkip, conv_zero_skip)
