// What bwd_data at stride 1 computes with the mask of the ReLU before it, for `output_mask`: only the
// elements that the mask keeps, by a stage; the others are zero.
#include <Halide.h>

#include "generators/epilogue.h"
#include "generators/lanes.h"
#include "generators/schedule_of.h"

using namespace Halide;

namespace {

// diff_dst (k lane, x, y, k block, n); weights (slab, k chunk, c block), packed by conv_pack_output_mask;
// relu_mask (x, y, c block, n); diff_src (c lane, x, y, c block, n). Output pixel x meets diff_dst columns x
// - pad_left and on. A tile holds rows of images_per_tile images.
class ConvOutputMask : public Generator<ConvOutputMask> {
  public:
    GeneratorParam<std::string> isa{"isa", ""};
    GeneratorParam<std::string> layer_class{"layer_class", ""};
    GeneratorParam<std::string> stage{"stage", ""};  // prefix of the symbol of the extern stage

    Input<Buffer<float, 5>> diff_dst{"diff_dst"};
    Input<Buffer<float, 3>> weights{"weights"};
    Input<Buffer<uint16_t, 4>> relu_mask{"relu_mask"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Input<int> images_per_tile{"images_per_tile"};
    Output<Buffer<float, 5>> diff_src{"diff_src"};

    void generate() {
        tile_.define_extern(
            std::string(stage) + "_gather",
            {ExternFuncArgument(diff_dst), ExternFuncArgument(weights), ExternFuncArgument(relu_mask),
             diff_dst.dim(1).extent(), diff_dst.dim(2).extent(), diff_dst.dim(3).extent(), pad_top, pad_left},
            Float(32), {k, x, y, kb, n});
        tile_.bound(k, 0, 16).bound(x, 0, diff_src.dim(1).extent());
        epilogue_.define(diff_src, tile_);
    }

    void schedule() {
        const auto& row = sparsetrain::generators::schedule_of(&sparsetrain::schedules::Tables::output_mask, isa,
                                                               layer_class, "bwd_data");
        Var yo("yo"), yi("yi"), no("no"), ni("ni");
        sparsetrain::generators::declare_lanes(diff_dst);
        sparsetrain::generators::declare_mask_of(relu_mask, diff_src);
        epilogue_.schedule(diff_src, x, [&](Func f) {
            f.split(y, yo, yi, row.rows, TailStrategy::GuardWithIf)
                .split(n, no, ni, images_per_tile, TailStrategy::GuardWithIf)
                .reorder(x, yi, ni, kb, yo, no)
                .parallel(yo)
                .parallel(no);
        });
        tile_.compute_at(epilogue_.loops(), kb);
    }

  private:
    sparsetrain::generators::Epilogue epilogue_;
    Var &k = epilogue_.k, &x = epilogue_.x, &y = epilogue_.y, &kb = epilogue_.kb, &n = epilogue_.n;
    Func tile_{"tile"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvOutputMask, conv_output_mask)
