// 2x2 max pool with stride 2. Buffers: tensors (lane, x, y, plane), masks and choices (x, y, plane); a plane
// is one channel block of one image.
//
// Forward saves which of the four pixels won, 2 bits per lane in one word: bit l says that it is in the right
// column, bit 16 + l that it is in the lower row. Backward then moves 1 + 4 lines of 64 bytes per output
// pixel, instead of the 6 + 4 that it would take to compare src with dst again.
#include <Halide.h>

#include "generators/lanes.h"

using namespace Halide;
using namespace Halide::ConciseCasts;
using namespace sparsetrain::generators;

namespace {

class MaxPoolForward : public Generator<MaxPoolForward> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Output<Buffer<float, 4>> dst{"dst"};
    Output<Buffer<uint16_t, 3>> mask{"mask"};
    Output<Buffer<uint32_t, 3>> choice{"choice"};

    void generate() {
        dst(l, x, y, p) = max(window(l).top(), window(l).bottom());
        bits_(x, y, p) += bit_if(max(window(lanes_).top(), window(lanes_).bottom()) != 0.0f, lanes_);
        mask(x, y, p) = bits_(x, y, p);
        chosen_(x, y, p) += choice_of(window(lanes_));
        choice(x, y, p) = chosen_(x, y, p);
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        declare_mask_of(mask, dst);
        declare_mask_of(choice, dst);
        dst.vectorize(l).parallel(p);
        mask.parallel(p);
        choice.parallel(p);
        mask.compute_with(choice, x);
        dst.compute_with(choice, x);
        bits_.compute_at(mask, x).update().atomic().vectorize(lanes_);
        chosen_.compute_at(choice, x).update().atomic().vectorize(lanes_);
    }

  private:
    struct Window {
        Expr top_left, top_right, bottom_left, bottom_right;
        Expr top() const { return max(top_left, top_right); }
        Expr bottom() const { return max(bottom_left, bottom_right); }
    };

    Window window(const Expr& lane) {
        return {src(lane, 2 * x, 2 * y, p), src(lane, 2 * x + 1, 2 * y, p), src(lane, 2 * x, 2 * y + 1, p),
                src(lane, 2 * x + 1, 2 * y + 1, p)};
    }

    // Strict comparisons: the first of equals, in row-major order, wins.
    Expr choice_of(const Window& w) {
        const Expr lower = w.bottom() > w.top();
        const Expr right = select(lower, w.bottom_right > w.bottom_left, w.top_right > w.top_left);
        return select(right, u32(1) << u32(lanes_), u32(0)) +
               select(lower, u32(1) << u32(lanes_ + kLanes), u32(0));
    }

    Var l{"l"}, x{"x"}, y{"y"}, p{"p"};
    RDom lanes_{0, kLanes};
    Func bits_{"bits"}, chosen_{"chosen"};
};

// diff_src, zero where a pixel lost and in an odd last row or column, and its mask. `channels` is C before
// rounding up to 16, so that the mask is clear in the lanes beyond it.
class MaxPoolBackward : public Generator<MaxPoolBackward> {
  public:
    Input<Buffer<float, 4>> diff_dst{"diff_dst"};
    Input<Buffer<uint32_t, 3>> choice{"choice"};
    Input<int> channels{"channels"};
    Output<Buffer<float, 4>> diff_src{"diff_src"};
    Output<Buffer<uint16_t, 3>> mask{"mask"};

    void generate() {
        const Expr width = diff_dst.dim(1).extent(), height = diff_dst.dim(2).extent();
        const Expr pooled_x = min(x / 2, width - 1), pooled_y = min(y / 2, height - 1);
        const Expr word = choice(pooled_x, pooled_y, p);
        const Expr right = u16(word), lower = u16(word >> kLanes);
        const Expr here = select(x % 2 == 0, ~right, right) & select(y % 2 == 0, ~lower, lower);
        const Expr pooled = x / 2 < width && y / 2 < height;
        const Expr routed = select(pooled, here & lanes_in_use(), u16(0));

        mask(x, y, p) = routed;
        diff_src(l, x, y, p) = select(bit_of(routed, l), diff_dst(l, pooled_x, pooled_y, p), 0.0f);
    }

    // Both pixels of a pair of columns share their loads; rows of a pair find them in L1.
    void schedule() {
        declare_lanes(diff_dst);
        declare_lanes(diff_src);
        declare_mask_of(mask, diff_src);
        Var xo("xo"), xi("xi");
        mask.split(x, xo, xi, 2, TailStrategy::GuardWithIf).unroll(xi).parallel(p);
        diff_src.split(x, xo, xi, 2, TailStrategy::GuardWithIf).vectorize(l).unroll(xi).parallel(p);
        diff_src.compute_with(mask, xo);
    }

  private:
    Expr lanes_in_use() {
        const Expr blocks = (channels + kLanes - 1) / kLanes;
        return u16((u32(1) << u32(min(channels - (p % blocks) * kLanes, kLanes))) - 1);
    }

    Var l{"l"}, x{"x"}, y{"y"}, p{"p"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(MaxPoolForward, max_pool2x2_forward)
HALIDE_REGISTER_GENERATOR(MaxPoolBackward, max_pool2x2_backward)
