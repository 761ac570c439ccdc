// The sweep of output_mask: dot products of the diff_dst neighbourhoods of a row's pixels, kept in registers,
// with the weights of the channels that each pixel's mask keeps.
#pragma once

#include "runtime/stages/stage.h"

namespace {

// diff_dst as a sweep sees it: its rows and channel blocks, and the column that is the first of the first
// pixel's neighbourhood; every further pixel's is one to the right. Columns outside of 0 ... width - 1 are
// padding.
struct Neighbours {
    const float* row;
    ptrdiff_t to_row, to_block;
    int width, column;
};

// The weights of channel c are at first + c * to_channel: [Rows][Columns][Vectors][16k].
struct ChannelWeights {
    const float* first;
    ptrdiff_t to_channel;
};

// Rows, Columns, Vectors: the extents of a neighbourhood. `Fresh`: there are no sums yet. Bit c of a pixel's
// Word: channel c is kept.
template <int Rows, int Columns, int Vectors, bool Fresh, typename Word>
class OutputMaskSweep {
    const Neighbours from;
    const ChannelWeights weights;
    Ahead ahead;
    float* sums;                       // of the next kept channel
    Vec near[Columns][Rows][Vectors];  // column s of the pixel in `Phase` is in slot (Phase + s) % Columns

    OutputMaskSweep(const Neighbours& neighbours, const ChannelWeights& channels, const Ahead& next,
                    float* first)
        : from(neighbours), weights(channels), ahead(next), sums(first) {}

    template <int Slot>
    SPARSETRAIN_ALWAYS_INLINE void load_column(int column) {
        const float* pixel = from.row + ptrdiff_t{column} * kLanes;
        unroll<Rows>([&](auto r) {
            unroll<Vectors>(
                [&](auto v) { near[Slot][r][v] = load(pixel + r * from.to_row + v * from.to_block); });
        });
    }

    // The kept channels of a pixel whose columns from Begin to End - 1 exist.
    template <int Phase, int Begin, int End>
    SPARSETRAIN_ALWAYS_INLINE void multiply(Word kept) {
        constexpr int columns = End - Begin;
        ahead.prefetch_share();
        for (; kept != 0; kept &= kept - 1) {
            const float* channel = weights.first + lowest_bit(kept) * weights.to_channel;
            Vec sum[kSumChains] = {Fresh ? zero() : unfold(_mm256_load_ps(sums))};
            unroll<kSumChains, 1>([&](auto i) { sum[i] = zero(); });
            unroll<Rows * columns * Vectors>([&](auto i) {
                constexpr int r = i / (columns * Vectors), s = Begin + i / Vectors % columns, v = i % Vectors;
                constexpr int offset = ((r * Columns + s) * Vectors + v) * kLanes;
                sum[i % kSumChains] = multiply_add(near[(Phase + s) % Columns][r][v], load(channel + offset),
                                                   sum[i % kSumChains]);
            });
            unroll<kSumChains, 1>([&](auto i) { sum[0] = add(sum[0], sum[i]); });
            _mm256_store_ps(sums, fold(sum[0]));
            sums += kSumLanes;
        }
    }

    // A pixel some of whose columns are padding. `first`: the first column of its neighbourhood.
    template <int Case = 0>
    SPARSETRAIN_ALWAYS_INLINE void clipped_pixel(int first, Word kept) {
        constexpr int begin = Case / Columns, end = Case % Columns + 1;
        if constexpr (begin == Columns) {
            return;  // no tap reaches the pixel, and its word is 0
        } else if constexpr (begin >= end) {
            clipped_pixel<Case + 1>(first, kept);
        } else if (begin != max_of(0, -first) || end != min_of(Columns, from.width - first)) {
            clipped_pixel<Case + 1>(first, kept);
        } else {
            unroll<end, begin>([&](auto s) { load_column<s>(first + s); });
            multiply<0, begin, end>(kept);
        }
    }

    // Pixels x to end - 1. A sweep of its own, or the compiler would pass all registers of interior() through
    // memory.
    __attribute__((noinline)) static float* border(const Neighbours& from, const ChannelWeights& weights,
                                                   const Word* words, int x, int end, const Ahead& ahead,
                                                   float* sums) {
        OutputMaskSweep sweep(from, weights, ahead, sums);
        for (; x < end; ++x) sweep.clipped_pixel(from.column + x, words[x]);
        return sweep.sums;
    }

    // The same, where no column is padding.
    __attribute__((noinline)) static float* interior(const Neighbours& from, const ChannelWeights& weights,
                                                     const Word* words, int x, int end, const Ahead& ahead,
                                                     float* sums) {
        OutputMaskSweep sweep(from, weights, ahead, sums);
        unroll<Columns - 1>([&](auto s) { sweep.template load_column<s>(from.column + x + s); });
        for (bool done = false; !done;) {
            unroll<Columns>([&](auto phase) {
                if (done) return;
                if (x == end) {
                    done = true;
                    return;
                }
                sweep.template load_column<(phase + Columns - 1) % Columns>(from.column + x + Columns - 1);
                sweep.template multiply<phase, 0, Columns>(words[x]);
                ++x;
            });
        }
        return sweep.sums;
    }

  public:
    // `pixels` words into sums, from `sums` on; returns their end.
    static float* run(const Neighbours& from, const ChannelWeights& weights, const Word* words, int pixels,
                      Ahead ahead, float* sums) {
        constexpr bool clips = Columns > 1;  // of one column, all or nothing is padding
        const int begin = min_of(max_of(0, -from.column), pixels);
        const int end = max_of(begin, min_of(from.width - Columns + 1 - from.column, pixels));
        if (clips && begin > 0) sums = border(from, weights, words, 0, begin, ahead, sums);
        ahead.pass(begin);
        if (begin < end) sums = interior(from, weights, words, begin, end, ahead, sums);
        ahead.pass(end - begin);
        if (clips && end < pixels) sums = border(from, weights, words, end, pixels, ahead, sums);
        return sums;
    }
};

}  // namespace
