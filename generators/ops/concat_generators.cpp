// Channels of one tensor become channels of another, in other lanes, and so do their bits in masks. Buffers
// begin with the blocks of 16 that hold the first of these channels: tensors (lane, pixel, block, n), masks
// (pixel, block, n).
#include <Halide.h>

#include "generators/lanes.h"
#include "generators/ops/pixel_loops.h"

using namespace Halide;
using namespace Halide::ConciseCasts;
using namespace sparsetrain::generators;

namespace {

// Bits of the lanes of a block whose channels are below `channel`.
Expr lanes_below(const Expr& channel, const Expr& block) {
    return u16((u32(1) << u32(clamp(channel - block * kLanes, 0, kLanes))) - u32(1));
}

// What becomes of the channels of dst: those of `begin` to before `end` are moved there, those from there to
// before `kept` are zero, all others are as they were.
struct Channels {
    Expr begin, end, kept;

    // Bits of the lanes of a block.
    Expr moved(const Expr& block) const { return lanes_below(end, block) & ~lanes_below(begin, block); }
    Expr untouched(const Expr& block) const { return lanes_below(begin, block) | ~lanes_below(kept, block); }
};

// Channel c of dst is c + shift of src, where |shift| < 16. So lanes of a block of dst are some of two blocks
// of src.
struct Blocks {
    Expr shift, count;

    Expr first_lane() const { return shift % kLanes; }
    // Of the pair behind block b of dst. What is not there has no channels that are moved.
    Expr of(const Expr& b, const Expr& half) const { return clamp(b + shift / kLanes + half, 0, count - 1); }
};

// Blocks as they are: tensors (lane, pixel of all blocks, n).
class CopyBlocks : public Generator<CopyBlocks> {
  public:
    Input<Buffer<float, 3>> src{"src"};
    Output<Buffer<float, 3>> dst{"dst"};

    void generate() { dst(l, p, n) = src(l, p, n); }

    void schedule() {
        declare_lanes(src);
        declare_lanes(dst);
        traverse_pixels(Func(dst), l, p);
        Func(dst).parallel(n);
    }

  private:
    Var l{"l"}, p{"p"}, n{"n"};
};

// A tile's pixels of two blocks lie side by side in L1, so that 16 lanes across them are one load.
class MoveChannels : public Generator<MoveChannels> {
  public:
    Input<Buffer<float, 4>> src{"src"};
    Input<int> begin{"begin"};
    Input<int> end{"end"};
    Input<int> kept{"kept"};
    Input<int> shift{"shift"};
    Output<Buffer<float, 4>> dst{"dst"};

    void generate() {
        const Channels channels{begin, end, kept};
        const Blocks blocks{shift, src.dim(2).extent()};
        pair_(i, p, b, n) = src(i % kLanes, p, blocks.of(b, i / kLanes), n);
        dst(l, p, b, n) = undef<float>();
        dst(l, p, b, n) = select(bit_of(channels.moved(b), l), pair_(blocks.first_lane() + l, p, b, n),
                                 bit_of(channels.untouched(b), l), dst(l, p, b, n), 0.0f);
    }

    // Along the planes of blocks, as jumps between them cost more than what they save: a block of src, which
    // two of dst read, comes from L2 or L3 the second time.
    void schedule() {
        constexpr int kTile = 64;     // pixels: 4 KB of a block
        constexpr int kStrip = 4096;  // 256 KB
        declare_lanes(src);
        declare_lanes(dst);
        Var strip("strip"), tile("tile"), half("half"), lane("lane");
        Func(dst)
            .update()
            .split(p, strip, p, kStrip, TailStrategy::GuardWithIf)
            .split(p, tile, p, kTile, TailStrategy::GuardWithIf)
            .reorder(l, p, tile, b, strip, n)
            .vectorize(l)
            .parallel(b)
            .parallel(strip)
            .parallel(n);
        pair_.compute_at(Func(dst), tile)
            .store_in(MemoryType::Stack)
            .bound(i, 0, 2 * kLanes)
            .split(i, half, lane, kLanes)
            .vectorize(lane)
            .unroll(half);
    }

  private:
    Var l{"l"}, i{"i"}, p{"p"}, b{"b"}, n{"n"};
    Func pair_{"pair"};
};

// Words of masks, 32 at a time.
void traverse_words(const Func& words, const Var& p, const Var& n) {
    Var word("word");
    Func(words).update().split(p, p, word, 2 * kLanes, TailStrategy::GuardWithIf).vectorize(word).parallel(n);
}

class MoveChannelBits : public Generator<MoveChannelBits> {
  public:
    Input<Buffer<uint16_t, 3>> src{"src"};
    Input<int> begin{"begin"};
    Input<int> end{"end"};
    Input<int> kept{"kept"};
    Input<int> shift{"shift"};
    Output<Buffer<uint16_t, 3>> dst{"dst"};

    void generate() {
        const Channels channels{begin, end, kept};
        const Blocks blocks{shift, src.dim(1).extent()};
        const Expr pair = u32(src(p, blocks.of(b, 0), n)) | u32(src(p, blocks.of(b, 1), n)) << u32(kLanes);
        const Expr bits = u16(pair >> u32(blocks.first_lane()));
        dst(p, b, n) = undef<uint16_t>();
        dst(p, b, n) = (bits & channels.moved(b)) | (dst(p, b, n) & channels.untouched(b));
    }

    void schedule() { traverse_words(Func(dst), p, n); }

  private:
    Var p{"p"}, b{"b"}, n{"n"};
};

// Sets the bits instead.
class SetChannelBits : public Generator<SetChannelBits> {
  public:
    Input<int> begin{"begin"};
    Input<int> end{"end"};
    Input<int> kept{"kept"};
    Output<Buffer<uint16_t, 3>> dst{"dst"};

    void generate() {
        const Channels channels{begin, end, kept};
        dst(p, b, n) = undef<uint16_t>();
        dst(p, b, n) = channels.moved(b) | (dst(p, b, n) & channels.untouched(b));
    }

    void schedule() { traverse_words(Func(dst), p, n); }

  private:
    Var p{"p"}, b{"b"}, n{"n"};
};

}  // namespace

HALIDE_REGISTER_GENERATOR(CopyBlocks, copy_blocks)
HALIDE_REGISTER_GENERATOR(MoveChannelBits, move_channel_bits)
HALIDE_REGISTER_GENERATOR(MoveChannels, move_channels)
HALIDE_REGISTER_GENERATOR(SetChannelBits, set_channel_bits)
