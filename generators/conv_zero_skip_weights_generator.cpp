// What bwd_weights computes, for `zero_skip`: a stage scans src for nonzeros and leaves sums per part of the
// batch, which are added in order and brought into the master layout.
#include <Halide.h>

#include "generators/lanes.h"
#include "generators/schedule_of.h"
#include "schedules/avx512.h"

using namespace Halide;

namespace {

// src (lane, x, y, c block, n); diff_dst (k lane, x, y, k block, n); diff_weights in the master layout (k
// lane, c lane, s, r, c block, k block). The batch is summed in parts of images_per_part images, and output
// channels in chunks of chunks_per_task, all of which may run in parallel.
class ConvZeroSkipWeights : public Generator<ConvZeroSkipWeights> {
  public:
    GeneratorParam<std::string> layer_class{"layer_class", ""};
    GeneratorParam<std::string> stage{"stage", ""};  // prefix of the symbol of the extern stage
    GeneratorParam<int> filter_h{"filter_h", 3};
    GeneratorParam<int> filter_w{"filter_w", 3};

    Input<Buffer<float, 5>> src{"src"};
    Input<Buffer<float, 5>> diff_dst{"diff_dst"};
    Input<int> pad_top{"pad_top"};
    Input<int> pad_left{"pad_left"};
    Input<int> images_per_part{"images_per_part"};
    Input<int> chunks_per_task{"chunks_per_task"};
    Output<Buffer<float, 6>> diff_weights{"diff_weights"};

    void generate() {
        // The row's K chunks: the layout of what its stage writes, not a way to compute.
        const auto& row = sparsetrain::generators::schedule_of(sparsetrain::schedules::kPixelScan,
                                                               layer_class, "bwd_weights");
        const int taps = filter_h.value() * filter_w.value(), channel = taps * row.k_vectors * 16;
        const Expr batch = src.dim(4).extent(), k_blocks = diff_dst.dim(3).extent();

        sums_.define_extern(std::string(stage) + "_scan",
                            {ExternFuncArgument(src), ExternFuncArgument(diff_dst), src.dim(2).extent(),
                             src.dim(1).extent(), diff_dst.dim(2).extent(), diff_dst.dim(1).extent(), batch,
                             k_blocks, images_per_part, pad_top, pad_left},
                            Float(32), {element, cb, chunk, part});
        sums_.bound(element, 0, 16 * channel).bound(cb, 0, src.dim(3).extent());

        parts_ = RDom(0, (batch + images_per_part - 1) / images_per_part, "parts");
        const Expr tap = (r * filter_w + s) * row.k_vectors + kb % row.k_vectors;
        total_(k, c, s, r, cb, kb) = 0.0f;
        total_(k, c, s, r, cb, kb) += sums_(c * channel + tap * 16 + k, cb, kb / row.k_vectors, parts_);
        diff_weights(k, c, s, r, cb, kb) = total_(k, c, s, r, cb, kb);
    }

    void schedule() {
        const auto& row = sparsetrain::generators::schedule_of(sparsetrain::schedules::kPixelScan,
                                                               layer_class, "bwd_weights");
        Var task("task"), in_task("in_task"), chunk_in_task("chunk_in_task"), in_chunk("in_chunk");
        sparsetrain::generators::declare_lanes(diff_weights);
        Func out(diff_weights);
        out.compute_root()
            .bound(k, 0, 16)
            .bound(c, 0, 16)
            .bound(s, 0, filter_w)
            .bound(r, 0, filter_h)
            .split(kb, task, in_task, chunks_per_task * row.k_vectors, TailStrategy::GuardWithIf)
            .vectorize(k)
            .parallel(task);
        total_.compute_at(out, c).vectorize(k).update().reorder(k, parts_).vectorize(k);
        sums_.compute_at(out, task).parallel(part);
    }

  private:
    Var k{"k"}, c{"c"}, s{"s"}, r{"r"}, cb{"cb"}, kb{"kb"}, element{"element"}, chunk{"chunk"}, part{"part"};
    Func sums_{"sums"}, total_{"total"};
    RDom parts_;
};

}  // namespace

HALIDE_REGISTER_GENERATOR(ConvZeroSkipWeights, conv_zero_skip_weights)
