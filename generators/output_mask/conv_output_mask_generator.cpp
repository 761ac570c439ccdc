// What bwd_data computes with the mask of the ReLU before it, for `output_mask`: only the elements that the
// mask keeps, by a stage that writes diff_src itself; the others are zero.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/lanes.h"
#include "generators/row_of_tiles.h"

using namespace Halide;

namespace {

// diff_dst (k lane, x, y, k block, n); weights (k lane, vector, channel group), packed by
// conv_pack_output_mask; relu_mask (x, y, c block, n); diff_src (c lane, x, y, c block, n). A task computes
// rows of images_per_tile images, one channel group after the other.
class ConvOutputMask : public sparsetrain::generators::ClassGenerator<ConvOutputMask> {
  public:
    GeneratorParam<std::string> stage{"stage", ""};  // prefix of the symbol of the extern stage

    Input<Buffer<float, 5>> diff_dst{"diff_dst"};
    Input<Buffer<float, 3>> weights{"weights"};
    Input<Buffer<uint16_t, 4>> relu_mask{"relu_mask"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Input<int> images_per_tile{"images_per_tile"};
    Output<Buffer<float, 5>> diff_src{"diff_src"};

    void generate() {
        scratch_(element) = undef<float>();  // only memory, as much as the stage asks for
        Func(diff_src).define_extern(std::string(stage) + "_gather",
                                     {ExternFuncArgument(diff_dst), ExternFuncArgument(weights),
                                      ExternFuncArgument(relu_mask), scratch_, diff_dst.dim(1).extent(),
                                      diff_dst.dim(2).extent(), diff_dst.dim(3).extent(), pad_top, pad_left},
                                     Float(32), {c, x, y, cb, n});
    }

    void schedule() {
        const auto row =
            sparsetrain::generators::row_of_tiles<sparsetrain::schedules::OutputMaskRow>(tile_sizes);
        Var yo("yo"), no("no"), group("group");
        sparsetrain::generators::declare_lanes(diff_dst);
        sparsetrain::generators::declare_lanes(diff_src);
        sparsetrain::generators::declare_mask_of(relu_mask, diff_src);
        Func(diff_src)
            .split(y, yo, y, row.rows, TailStrategy::GuardWithIf)
            .split(n, no, n, images_per_tile, TailStrategy::GuardWithIf)
            .split(cb, group, cb, row.group / 16, TailStrategy::GuardWithIf)
            .reorder(c, x, y, cb, n, group, yo, no)
            .serial(group)
            .parallel(yo)
            .parallel(no);
        scratch_.compute_at(diff_src, yo);
    }

  private:
    Var c{"c"}, x{"x"}, y{"y"}, cb{"cb"}, n{"n"}, element{"element"};
    Func scratch_{"scratch"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvOutputMask, conv_output_mask)
