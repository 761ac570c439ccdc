// What a forward convolution computes, for `dense`; with rotated, transposed weights it is also bwd_data at
// stride 1.
#include <Halide.h>

#include "generators/epilogue.h"
#include "generators/lanes.h"
#include "generators/schedule_of.h"
#include "schedules/avx512.h"

using namespace Halide;

namespace {

// src (lane, x, y, c block, n); weights (k lane, c lane, s, r, c block, k block); bias (k lane, k block); dst
// (k lane, x, y, k block, n); dst_mask of the relu epilogue and
// relu_mask of the masked one (x, y, k block, n).
class ConvDense : public Generator<ConvDense> {
  public:
    GeneratorParam<std::string> layer_class{"layer_class", ""};
    GeneratorParam<std::string> pass{"pass", "fwd"};
    GeneratorParam<std::string> images{"images", "wide"};  // or "narrow": which of the two rows
    GeneratorParam<int> filter_h{"filter_h", 3};
    GeneratorParam<int> filter_w{"filter_w", 3};
    GeneratorParam<int> stride{"stride", 1};
    GeneratorParam<std::string> epilogue{"epilogue", "plain"};  // or "relu" or "masked"

    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 6>> weights{"weights"};
    Input<Buffer<float, 2>> bias{"bias"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Output<Buffer<float, 5>> dst{"dst"};

    void configure() {
        if (epilogue.value() == "relu") epilogue_.dst_mask = add_output<Buffer<uint16_t, 4>>("dst_mask");
        if (epilogue.value() == "masked") epilogue_.relu_mask = add_input<Buffer<uint16_t, 4>>("relu_mask");
    }

    void generate() {
        const Expr width = src.dim(1).extent(), height = src.dim(2).extent();
        const Region image = {{}, {0, width}, {0, height}, {}, {}};
        padded_(c, x, y, cb, n) =
            BoundaryConditions::constant_exterior(src, 0.0f, image)(c, x - pad_left, y - pad_top, cb, n);

        taps_ = RDom(0, 16, 0, filter_w, 0, filter_h, 0, src.dim(3).extent());
        // A tile may reach beyond the last block of output channels: it computes that block again and drops
        // it.
        const Expr block = min(kb, weights.dim(5).extent() - 1);
        sum_(k, x, y, kb, n) = bias(k, block);
        sum_(k, x, y, kb, n) += padded_(taps_.x, x * stride + taps_.y, y * stride + taps_.z, taps_.w, n) *
                                weights(k, taps_.x, taps_.y, taps_.z, taps_.w, block);
        epilogue_.define(dst, sum_);
    }

    void schedule() {
        using namespace sparsetrain::schedules;
        const auto& table = images.value() == "narrow" ? kDenseNarrow : kDense;
        const auto& row = sparsetrain::generators::schedule_of(table, layer_class, pass);
        Var xo("xo"), xi("xi"), yo("yo"), yi("yi"), kbo("kbo"), kbi("kbi");
        const auto traverse = [&](Func f) {
            f.split(x, xo, xi, row.x_tile, TailStrategy::GuardWithIf)
                .split(y, yo, yi, row.rows, TailStrategy::GuardWithIf)
                .split(kb, kbo, kbi, row.k_vectors, TailStrategy::GuardWithIf)
                .reorder(xi, kbi, xo, yi, kbo, yo, n)
                .parallel(yo)
                .parallel(n);
        };
        sparsetrain::generators::declare_lanes(src);
        sparsetrain::generators::declare_lanes(weights);
        epilogue_.schedule(dst, xo, traverse);
        sum_.compute_at(epilogue_.loops(), xo)
            .store_in(MemoryType::Register)
            .bound_extent(x, row.x_tile)
            .bound_extent(kb, row.k_vectors)
            .bound_extent(y, 1)
            .bound_extent(n, 1)
            .reorder(k, kb, x, y, n)
            .vectorize(k)
            .unroll(x)
            .unroll(kb);
        sum_.update()
            .reorder(k, kb, x, taps_.x, taps_.y, taps_.z, taps_.w, y, n)
            .vectorize(k)
            .unroll(x)
            .unroll(kb);
        padded_.compute_at(epilogue_.loops(), yo).bound(c, 0, 16).vectorize(c);
    }

  private:
    sparsetrain::generators::Epilogue epilogue_;
    Var &k = epilogue_.k, &x = epilogue_.x, &y = epilogue_.y, &kb = epilogue_.kb, &n = epilogue_.n;
    Var c{"c"}, cb{"cb"};
    Func sum_{"sum"}, padded_{"padded"};
    RDom taps_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvDense, conv_dense)
