// fwd and bwd_data by zero_skip: every nonzero of a source row is broadcast once and multiplied into the S x
// KV register accumulators of the output pixels that it reaches.
//
// The sweep moves along x; the accumulators of output pixels rotate: x, x + 1, ... x + S - 1 of the tile are
// in registers, one pixel is finished and one begun per step. The weights of a (group, filter row), at most
// 24 KB, stay in L1 for all rows of all images of the tile. Control (mask words, bit scans, the exit of the
// loop) stays in the integer units, ahead of the FMAs.
//
// What bounds it, on Zen 4: one zmm load and one zmm FMA per cycle, so S x KV cycles per nonzero, of which
// 6.6 for 6 are reached; a step's 2 x KV loads and stores of accumulators come on top.
#pragma once

#include "runtime/stages/row_lists.h"
#include "schedules/rows.h"

namespace {

// R, S: filter rows and columns (stride 1); Group, KV: those of the ScatterRow.
template <int R, int S, int Group, int KV>
struct Scatter {
    using Lists = RowLists<Group>;
    static constexpr int kPixel = KV * kLanes;  // floats of an output pixel in the tile
    static constexpr int kTap = KV * kLanes;    // floats of one channel's weights for one filter column
    static constexpr int kChannel = S * kTap;
    static constexpr int kSlab = Group * kChannel;  // weights of a (group, filter row): [Group][S][KV][16k]
    static constexpr int kSamePadding = (S - 1) / 2;

    // The accumulators and a broadcast value.
    static_assert(S * KV + 1 <= sparsetrain::schedules::kZmmRegisters, "accumulators exceed the registers");
    static_assert(kSlab * 4 <= sparsetrain::schedules::kL1Bytes * 3 / 4, "weights leave no room in L1");

    // Of the S output pixels that a source pixel reaches, those from begin to end are wanted: near the left
    // and right borders of an image the others are padding.
    template <int Begin, int End>
    struct Reach {
        static constexpr int begin = Begin, end = End;
    };
    using WholeReach = Reach<0, S>;

    // The state of a sweep. `Fresh`: the tile holds no sums yet.
    template <bool Fresh>
    struct Sweep {
        __m512 acc[S][KV];
        const float* values;
        const float* slab;
        float* tile;  // of the first output pixel that the next source pixel reaches

        template <int Slot>
        SPARSETRAIN_ALWAYS_INLINE void begin_pixel(const float* pixel) {
            unroll<KV>([&](auto v) {
                acc[Slot][v] = Fresh ? _mm512_setzero_ps() : _mm512_load_ps(pixel + v * kLanes);
            });
        }

        template <int Slot>
        SPARSETRAIN_ALWAYS_INLINE void end_pixel(float* pixel) const {
            unroll<KV>([&](auto v) { _mm512_store_ps(pixel + v * kLanes, acc[Slot][v]); });
        }

        // One source pixel. Output pixel i of those that it reaches is held by accumulator (First + i) % S;
        // filter column s reaches pixel S - 1 - s.
        template <int First, typename Wanted = WholeReach>
        SPARSETRAIN_ALWAYS_INLINE void step(uint64_t occupied) {
            if constexpr (Wanted::end == S) begin_pixel<(First + S - 1) % S>(tile + (S - 1) * kPixel);
            for (; occupied != 0; occupied &= occupied - 1) {
                const float* weights = slab + static_cast<size_t>(__builtin_ctzll(occupied)) * kChannel;
                const __m512 value = broadcast(values++);
                unroll<Wanted::end - Wanted::begin>([&](auto i) {
                    constexpr int pixel = Wanted::begin + i, s = S - 1 - pixel, slot = (First + pixel) % S;
                    unroll<KV>([&](auto v) {
                        acc[slot][v] = _mm512_fmadd_ps(value, _mm512_load_ps(weights + s * kTap + v * kLanes),
                                                       acc[slot][v]);
                    });
                });
            }
            if constexpr (Wanted::begin == 0) end_pixel<First>(tile);
            tile += kPixel;
        }
    };

    // The last source pixels, from x on, whose First-th accumulator is the oldest; after them S - 1 output
    // pixels are still in registers, of which the last `Trim` are padding.
    template <int First, int Trim, bool Fresh>
    SPARSETRAIN_ALWAYS_INLINE static void finish(Sweep<Fresh>& sweep, const uint32_t* record, int x) {
        unroll<Trim>([&](auto i) {
            sweep.template step<(First + i) % S, Reach<0, S - 1 - i>>(Lists::mask(record, x + i));
        });
        unroll<S - 1 - Trim>(
            [&](auto i) { sweep.template end_pixel<(First + Trim + i) % S>(sweep.tile + i * kPixel); });
    }

    // One source row into one row of the tile, of width + S - 1 pixels, of which the first and last `Trim`
    // are padding and left alone.
    template <int Trim, bool Fresh>
    __attribute__((noinline)) static void sweep_row(const uint32_t* record, int width, const float* slab,
                                                    float* tile) {
        Sweep<Fresh> sweep;
        sweep.values = Lists::values(record, width);
        sweep.slab = slab;
        sweep.tile = tile;
        unroll<S - 1 - Trim>(
            [&](auto i) { sweep.template begin_pixel<Trim + i>(tile + (Trim + i) * kPixel); });
        unroll<Trim>([&](auto i) { sweep.template step<i, Reach<Trim - i, S>>(Lists::mask(record, i)); });
        const int end = width - Trim;
        int x = Trim;
        for (bool done = false; !done;) {
            unroll<S>([&](auto i) {
                if (done) return;
                constexpr int phase = (Trim + i) % S;
                if (x == end) {
                    finish<phase, Trim>(sweep, record, x);
                    done = true;
                    return;
                }
                sweep.template step<phase>(Lists::mask(record, x));
                ++x;
            });
        }
    }

    using SweepRow = void (*)(const uint32_t*, int, const float*, float*);
    template <bool Fresh>
    static SweepRow select_sweep(int width, int pad_left, int dst_width) {
        const bool same = pad_left == kSamePadding && dst_width == width && width >= 2 * kSamePadding;
        return same ? sweep_row<kSamePadding, Fresh> : sweep_row<0, Fresh>;
    }

    struct Call {
        halide_buffer_t *records, *tile;
        int src_h, src_w, pad_top;
        SweepRow fresh, accumulate;
    };

    // The weights of a (group, filter row) over all rows of the tile whose source row is not padding.
    static void sweep_tile(const Call& call, const float* slab, int g, int r, int chunk) {
        const halide_dimension_t rows = call.tile->dim[3], images = call.tile->dim[5];
        const int begin = max_of(rows.min, call.pad_top - r);
        const int end = min_of(rows.min + rows.extent, call.src_h + call.pad_top - r);
        const int turns = images.extent * (end - begin);
        int turn = 0;
        for (int n = images.min; n < images.min + images.extent; ++n) {
            for (int y = begin; y < end; ++y) {
                prefetch_next<kSlab>(slab, turn++, turns);
                const int src_y = y + r - call.pad_top;
                const bool fresh = g == 0 && (r == 0 || src_y == 0);
                (fresh ? call.fresh : call.accumulate)(element<const uint32_t>(call.records, 0, src_y, g, n),
                                                       call.src_w, slab,
                                                       element<float>(call.tile, 0, 0, 0, y, chunk, n));
            }
        }
    }

    // Halide stage: records (word, y, group, n) x packed weights (slab, r, group, k chunk) -> tile (k lane, k
    // vector, x, y, k chunk, n). Tile column j is output column j - (S - 1) + pad_left; columns outside of
    // the output are undefined.
    static int run(halide_buffer_t* records, halide_buffer_t* weights, int src_h, int src_w, int groups,
                   int pad_top, int pad_left, int dst_w, halide_buffer_t* tile) {
        const halide_dimension_t rows = tile->dim[3], chunks = tile->dim[4], images = tile->dim[5];
        if (is_query(records) || is_query(weights) || is_query(tile)) {
            // Every output row meets a source row, as no padding is as high as the filter.
            const int first = max_of(0, rows.min - pad_top);
            const int last = min_of(src_h - 1, rows.min + rows.extent - 1 + R - 1 - pad_top);
            require(records, 0, 0, Lists::record_words(src_w));
            require(records, 1, first, last - first + 1);
            require(records, 2, 0, groups);
            require(records, 3, images.min, images.extent);
            require(weights, 0, 0, kSlab);
            require(weights, 1, 0, R);
            require(weights, 2, 0, groups);
            require(weights, 3, chunks.min, chunks.extent);
            return 0;
        }
        const Call call = {records,
                           tile,
                           src_h,
                           src_w,
                           pad_top,
                           select_sweep<true>(src_w, pad_left, dst_w),
                           select_sweep<false>(src_w, pad_left, dst_w)};
        for (int chunk = chunks.min; chunk < chunks.min + chunks.extent; ++chunk) {
            for (int g = 0; g < groups; ++g) {
                for (int r = 0; r < R; ++r)
                    sweep_tile(call, element<const float>(weights, 0, r, g, chunk), g, r, chunk);
            }
        }
        return 0;
    }
};

}  // namespace
