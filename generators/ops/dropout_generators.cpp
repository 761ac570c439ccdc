// Dropout. Buffers: tensors (lane, pixel), masks (pixel), or both with (plane) behind.
#include <Halide.h>

#include "generators/lanes.h"
#include "generators/ops/pixel_loops.h"

using namespace Halide;
using namespace Halide::ConciseCasts;
using namespace sparsetrain::generators;

namespace {

// Random bits of a place: a hash of two rounds, a key of the seed's in each.
Expr random_bits(const Expr& place, const Expr& first_key, const Expr& second_key) {
    const auto round = [](const Expr& x, int shift, unsigned factor) {
        return (x ^ (x >> shift)) * u32(static_cast<int>(factor));
    };
    const Expr once = round(place ^ first_key, 16, 0x85ebca6b) ^ second_key;
    const Expr twice = round(once, 13, 0xc2b2ae35);
    return twice ^ (twice >> 16);
}

// dst = src * factor where an element is kept, else 0. Whether it is depends on the seed and its place alone,
// so not on threads: it is, unless 32 random bits are below `dropped`. `kept` has a bit where it is, of those
// that src_mask has.
class DropoutForward : public Generator<DropoutForward> {
  public:
    Input<Buffer<float, 3>> src{"src"};
    Input<Buffer<uint16_t, 2>> src_mask{"src_mask"};
    Input<int> channels{"channels"};  // C before rounding up
    Input<uint32_t> first_key{"first_key"}, second_key{"second_key"}, dropped{"dropped"};
    Input<float> factor{"factor"};
    Output<Buffer<float, 3>> dst{"dst"};
    Output<Buffer<uint16_t, 2>> kept{"kept"};

    void generate() {
        const Expr blocks = (channels + kLanes - 1) / kLanes, pixels = src.dim(1).extent();
        const Expr is_channel = plane % blocks * kLanes + lanes_ < channels;
        const Expr place = (u32(plane) * u32(pixels) + u32(p)) * u32(kLanes) + u32(lanes_);
        // (Halide 21 takes the last task for whole, in the region of what two outputs share.)
        const Expr inside = unsafe_promise_clamped(p, 0, pixels - 1);
        bits_(p, plane) += bit_if(random_bits(place, first_key, second_key) >= dropped &&
                                      bit_of(src_mask(inside, plane), lanes_) && is_channel,
                                  lanes_);
        kept(p, plane) = bits_(p, plane);
        dst(l, p, plane) = select(bit_of(bits_(p, plane), l), src(l, p, plane), 0.0f) * factor;
    }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        declare_mask_of(kept, dst);
        src_mask.dim(0).set_stride(Expr());  // 0, if one word serves for all pixels
        bits_.bound_extent(p, 1).bound_extent(plane, 1);
        traverse_pixels(dst, kept, bits_, l, p, lanes_);
        dst.parallel(plane);
        kept.parallel(plane);
    }

  private:
    Var l{"l"}, p{"p"}, plane{"plane"};
    RDom lanes_{0, kLanes};
    Func bits_{"bits"};
};

// diff_src = diff_dst * factor where `kept` has a bit, else 0: multiplied behind the choice, as a product of
// memory under a mask takes Zen 5 as long as the whole pixel should.
class DropoutBackward : public Generator<DropoutBackward> {
  public:
    Input<Buffer<float, 2>> diff_dst{"diff_dst"};
    Input<Buffer<uint16_t, 1>> kept{"kept"};
    Input<float> factor{"factor"};
    Output<Buffer<float, 2>> diff_src{"diff_src"};

    void generate() { diff_src(l, p) = select(bit_of(kept(p), l), diff_dst(l, p), 0.0f) * factor; }

    void schedule() {
        declare_lanes(diff_dst);
        declare_lanes(diff_src);
        traverse_pixels(diff_src, l, p);
    }

  private:
    Var l{"l"}, p{"p"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(DropoutBackward, dropout_backward)
HALIDE_REGISTER_GENERATOR(DropoutForward, dropout_forward)
