// ReLU with its occupancy mask, its backward, and masks by themselves. Buffers: tensors (lane, pixel), masks
// (pixel).
#include <Halide.h>

#include "generators/lanes.h"
#include "generators/ops/pixel_loops.h"
#include "generators/relu.h"

using namespace Halide;
using namespace sparsetrain::generators;

namespace {

class ReluForward : public Generator<ReluForward> {
  public:
    Input<Buffer<float, 2>> src{"src"};
    Output<Buffer<float, 2>> dst{"dst"};
    Output<Buffer<uint16_t, 1>> mask{"mask"};

    void generate() {
        bits_(p) += bit_if(relu_keeps(src(lanes_, p)), lanes_);
        dst(l, p) = select(relu_keeps(src(l, p)), src(l, p), 0.0f);
        mask(p) = bits_(p);
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        declare_mask_of(mask, dst);
        traverse_pixels(dst, mask, bits_, l, p, lanes_);
    }

  private:
    Var l{"l"}, p{"p"};
    RDom lanes_{0, kLanes};
    Func bits_{"bits"};
};

// diff_src = diff_dst where mask has a bit, else 0.
class ReluBackward : public Generator<ReluBackward> {
  public:
    Input<Buffer<float, 2>> diff_dst{"diff_dst"};
    Input<Buffer<uint16_t, 1>> mask{"mask"};
    Output<Buffer<float, 2>> diff_src{"diff_src"};

    void generate() { diff_src(l, p) = select(bit_of(mask(p), l), diff_dst(l, p), 0.0f); }

    void schedule() {
        declare_lanes(diff_dst);
        declare_lanes(diff_src);
        traverse_pixels(diff_src, l, p);
    }

  private:
    Var l{"l"}, p{"p"};
};

class OccupancyMask : public Generator<OccupancyMask> {
  public:
    Input<Buffer<float, 2>> src{"src"};
    Output<Buffer<uint16_t, 1>> mask{"mask"};

    void generate() {
        bits_(p) += bit_if(src(lanes_, p) != 0.0f, lanes_);
        mask(p) = bits_(p);
    }

    void schedule() {
        declare_lanes(src);
        Var task("task"), i("i");
        mask.split(p, task, i, kTaskPixels, TailStrategy::GuardWithIf).parallel(task);
        bits_.compute_at(mask, i).update().atomic().vectorize(lanes_);
    }

  private:
    Var p{"p"};
    RDom lanes_{0, kLanes};
    Func bits_{"bits"};
};

// How many of the bits of `lanes` are set in the words (word, row) of a mask: sums (task, row) of kTaskWords
// words each.
class MaskBits : public Generator<MaskBits> {
  public:
    Input<Buffer<uint16_t, 2>> words{"words"};
    Input<uint16_t> lanes{"lanes"};
    Output<Buffer<int32_t, 2>> sums{"sums"};

    void generate() {
        words_of_tasks_ =
            BoundaryConditions::constant_exterior(words, cast<uint16_t>(0), {{0, words.dim(0).extent()}, {}});
        sums(task, row) = 0;
        sums(task, row) += cast<int32_t>(popcount(words_of_tasks_(task * kTaskWords + of_, row) & lanes));
    }

    void schedule() {
        constexpr int kVector = 32;
        RVar strip("strip"), word("word");
        Var lane("lane");
        sums.update().split(of_, strip, word, kVector);
        Func partial = sums.update().rfactor(word, lane);
        partial.compute_at(sums, task).vectorize(lane).update().vectorize(lane);
        sums.parallel(task).parallel(row);
        sums.update().parallel(task).parallel(row);
    }

  private:
    static constexpr int kTaskWords = 8192;  // 16 KB, so that a task is longer than its hand-out
    Var task{"task"}, row{"row"};
    RDom of_{0, kTaskWords};
    Func words_of_tasks_{"words_of_tasks"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(MaskBits, mask_bits)
HALIDE_REGISTER_GENERATOR(ReluForward, relu_forward)
HALIDE_REGISTER_GENERATOR(ReluBackward, relu_backward)
HALIDE_REGISTER_GENERATOR(OccupancyMask, occupancy_mask)
