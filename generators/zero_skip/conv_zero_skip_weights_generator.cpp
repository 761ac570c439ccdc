// What bwd_weights computes, for `zero_skip`: a stage scans src or diff_dst for nonzeros and leaves sums per
// part of the batch, which are added in order and brought into the master layout.
#include <Halide.h>

#include "generators/class_generator.h"
#include "generators/lanes.h"
#include "generators/row_of_tiles.h"

using namespace Halide;

namespace {

enum class Operand { src, diff_dst };

// src (lane, x, y, c block, n); diff_dst (k lane, x, y, k block, n); diff_weights in the master layout (k
// lane, c lane, s, r, c block, k block). The batch is summed in parts of images_per_part images, and the
// channels of the operand that is not scanned in chunks of chunks_per_task, all of which may run in parallel.
class ConvZeroSkipWeights : public sparsetrain::generators::ClassGenerator<ConvZeroSkipWeights> {
  public:
    GeneratorParam<Operand> scanned{
        "scanned", Operand::src, {{"src", Operand::src}, {"diff_dst", Operand::diff_dst}}};
    GeneratorParam<std::string> stage{"stage", ""};  // prefix of the symbol of the extern stage

    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 5>> diff_dst{"diff_dst"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Input<int> images_per_part{"images_per_part"};
    Input<int> chunks_per_task{"chunks_per_task"};
    Output<Buffer<float, 6>> diff_weights{"diff_weights"};

    void generate() {
        // The row's chunks of vectors: the layout of what its stage writes, not a way to compute.
        const int k_vectors = row().k_vectors, taps = filter_h.value() * filter_w.value(),
                  channel = taps * k_vectors * 16;
        const Buffers operand = scans_src() ? Buffers{src, diff_dst} : Buffers{diff_dst, src};
        scratch_(element, part) = undef<float>();  // only memory, as much as the stage asks for
        sums_.define_extern(
            std::string(stage) + "_scan",
            {ExternFuncArgument(operand.scanned), ExternFuncArgument(operand.vectors), scratch_,
             operand.scanned.dim(2).extent(), operand.scanned.dim(1).extent(),
             operand.vectors.dim(2).extent(), operand.vectors.dim(1).extent(), src.dim(4).extent(),
             operand.vectors.dim(3).extent(), images_per_part, pad_top, pad_left},
            Float(32), {element, block, chunk, part});
        sums_.bound(element, 0, 16 * channel).bound(block, 0, operand.scanned.dim(3).extent());

        parts_ = RDom(0, (src.dim(4).extent() + images_per_part - 1) / images_per_part, "parts");
        const Expr tap = r * filter_w + s;
        const Var scanned_block = scans_src() ? cb : kb, vector_block = scans_src() ? kb : cb;
        total_(k, c, s, r, cb, kb) = 0.0f;
        total_(k, c, s, r, cb, kb) +=
            sums_(c * channel + (tap * k_vectors + vector_block % k_vectors) * 16 + k, scanned_block,
                  vector_block / k_vectors, parts_);
        diff_weights(k, c, s, r, cb, kb) = total_(k, c, s, r, cb, kb);
    }

    void schedule() {
        Var task("task"), in_task("in_task");
        const Var scanned_block = scans_src() ? cb : kb, vector_block = scans_src() ? kb : cb;
        sparsetrain::generators::declare_lanes(diff_weights);
        Func out(diff_weights);
        out.compute_root()
            .bound(k, 0, 16)
            .bound(c, 0, 16)
            .bound(s, 0, filter_w)
            .bound(r, 0, filter_h)
            .split(vector_block, task, in_task, chunks_per_task * row().k_vectors, TailStrategy::GuardWithIf)
            .reorder(k, c, s, r, in_task, scanned_block, task)
            .vectorize(k)
            .parallel(scanned_block)  // or the sum over parts takes its time on one thread
            .parallel(task);
        total_.compute_at(out, c).vectorize(k).update().reorder(k, parts_).vectorize(k);
        sums_.compute_at(out, task).parallel(part);
        scratch_.compute_at(out, task);
    }

  private:
    struct Buffers {
        Input<Buffer<float, 5>>&scanned, &vectors;
    };

    bool scans_src() const { return scanned == Operand::src; }
    sparsetrain::schedules::ZeroSkipWeightsRow row() const {
        return sparsetrain::generators::row_of_tiles<sparsetrain::schedules::ZeroSkipWeightsRow>(tile_sizes);
    }

    Var k{"k"}, c{"c"}, s{"s"}, r{"r"}, cb{"cb"}, kb{"kb"}, element{"element"}, block{"block"},
        chunk{"chunk"}, part{"part"};
    Func scratch_{"scratch"}, sums_{"sums"}, total_{"total"};
    RDom parts_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvZeroSkipWeights, conv_zero_skip_weights)
