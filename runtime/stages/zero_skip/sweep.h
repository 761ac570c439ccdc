// fwd and bwd_data by zero_skip: every nonzero of a source row is broadcast once and multiplied into the
// register accumulators of the output pixels that it reaches.
//
// The sweep moves along x; the accumulators of output pixels rotate: those in reach of a source pixel are in
// registers, and each step finishes some and begins as many (one; bwd_data at stride 2: two). Fwd at stride 2
// sweeps the even and the odd pixels on their own (Phase). The weights of a (group, filter row, phase) stay
// in L1 for all rows of all images of the tile. Control (mask words, bit scans, the exit of the loop) stays
// in the integer units, ahead of the FMAs.
//
// What bounds it: on Zen 4 one zmm load and one zmm FMA per cycle, so S x KV cycles per nonzero at stride 1,
// of which 6.6 for 6 are reached; a step's 2 x KV loads and stores of accumulators come on top.
#pragma once

#include "runtime/stages/zero_skip/columns.h"
#include "runtime/stages/zero_skip/lists.h"
#include "schedules/rows.h"

namespace {

// `Transposed`: bwd_data, whose source is diff_dst and whose output is diff_src. R, S: filter rows and
// columns, at least Stride. Group, KV: those of the ZeroSkipRow.
template <bool Transposed, int R, int S, int Stride, int Group, int KV>
struct ZeroSkipSweep {
    static constexpr int kPhases = Transposed ? 1 : Stride;
    using Lists = NonzeroLists<Group, 1, kPhases>;
    template <int Index>
    using ColumnsOf = Columns<Transposed, Phase<S, kPhases, Index>::kColumns, Transposed ? Stride : 1>;
    static constexpr int kPixel = KV * kLanes;  // floats of an output pixel in the tile
    static constexpr int kTap = KV * kLanes;    // floats of one channel's weights for one filter column
    static constexpr int kChannel = S * kTap;
    static constexpr int kSlab = Group * kChannel;  // weights of a (group, filter row): [Group][S][KV][16k]
    static constexpr int kLive = ColumnsOf<0>::kLive;
    // Output columns on either side of an image that are padding, where it is what keeps the size of images.
    static constexpr int kTrim = kPhases == 1 ? (S - 1) / 2 : 0;

    // The state of a sweep. `Fresh`: the tile holds no sums yet.
    template <int Index, bool Fresh>
    struct Sweep {
        using Reach = ColumnsOf<Index>;
        Vec acc[Reach::kLive][KV];
        const float* values;
        const float* slab;
        Ahead ahead;
        float* tile;  // of the lowest output in reach

        template <int Output>
        SPARSETRAIN_ALWAYS_INLINE void begin_output(const float* pixel) {
            unroll<KV>(
                [&](auto v) { acc[Output % Reach::kLive][v] = Fresh ? zero() : load(pixel + v * kLanes); });
        }

        template <int Output>
        SPARSETRAIN_ALWAYS_INLINE void end_output(float* pixel) const {
            unroll<KV>([&](auto v) { store(pixel + v * kLanes, acc[Output % Reach::kLive][v]); });
        }

        // The nonzeros of a source pixel into outputs `From` to `To` - 1 of those in reach.
        template <int Step, int From, int To>
        SPARSETRAIN_ALWAYS_INLINE void multiply(uint64_t occupied) {
            for (; occupied != 0; occupied &= occupied - 1) {
                const float* weights = slab + static_cast<size_t>(__builtin_ctzll(occupied)) * kChannel;
                const Broadcast value = broadcast(values++);
                unroll<To, From>([&](auto output) {
                    constexpr int slot = output % Reach::kLive;
                    constexpr int tap =
                        Phase<S, kPhases, Index>::filter_column(Reach::filter_column(Step, output)) * kTap;
                    unroll<KV>([&](auto v) {
                        acc[slot][v] = multiply_add(value, load(weights + tap + v * kLanes), acc[slot][v]);
                    });
                });
            }
        }

        // One source pixel. Of the outputs that it reaches those below `From` and from `To` on are padding.
        template <int Step, int From = Reach::lowest(Step), int To = Reach::end(Step)>
        SPARSETRAIN_ALWAYS_INLINE void step(uint64_t occupied) {
            constexpr int lowest = Reach::lowest(Step), next = Reach::lowest(Step + 1);
            ahead.prefetch_share();
            unroll<To, at_least(Reach::end(Step - 1), From)>(
                [&](auto output) { begin_output<output>(tile + (output - lowest) * kPixel); });
            if constexpr (From < To) {
                multiply<Step, From, To>(occupied);
            } else {
                values += __builtin_popcountll(occupied);
            }
            unroll<at_most(next, To), From>(
                [&](auto output) { end_output<output>(tile + (output - lowest) * kPixel); });
            tile += (next - lowest) * kPixel;
        }
    };

    static constexpr int at_least(int a, int b) { return a > b ? a : b; }
    static constexpr int at_most(int a, int b) { return a < b ? a : b; }

    // The last `Trim` source pixels, from x on, and the outputs that are still in registers after them. The
    // last `Trim` outputs are padding.
    template <int Step, int Trim, int Index, bool Fresh>
    SPARSETRAIN_ALWAYS_INLINE static void finish(Sweep<Index, Fresh>& sweep, const uint32_t* record, int x) {
        using Reach = ColumnsOf<Index>;
        constexpr int end = Reach::end(Step + Trim - 1) - Trim, lowest = Reach::lowest(Step + Trim);
        unroll<Trim>([&](auto i) {
            constexpr int step = Step + i;
            sweep.template step<step, Reach::lowest(step), at_most(Reach::end(step), end)>(
                Lists::mask(record, x + i));
        });
        unroll<end, lowest>(
            [&](auto output) { sweep.template end_output<output>(sweep.tile + (output - lowest) * kPixel); });
    }

    // One source row, or a phase of it, into one row of the tile, of which the first `TrimLeft` and last
    // `TrimRight` of the outputs in reach are padding and left alone.
    template <int Index, int TrimLeft, int TrimRight, bool Fresh>
    __attribute__((noinline)) static void sweep_row(const uint32_t* record, int width, const float* slab,
                                                    const Ahead& ahead, float* tile) {
        using Reach = ColumnsOf<Index>;
        constexpr int lowest = Reach::lowest(0), first = lowest + TrimLeft;
        constexpr int trimmed = Reach::steps_to_pass(TrimLeft);
        Sweep<Index, Fresh> sweep;
        sweep.values = Lists::values(record, width);
        sweep.slab = slab;
        sweep.ahead = ahead;
        sweep.tile = tile;
        unroll<Reach::end(-1), first>(
            [&](auto output) { sweep.template begin_output<output>(tile + (output - lowest) * kPixel); });
        unroll<trimmed>([&](auto i) {
            sweep.template step<i, at_least(Reach::lowest(i), first)>(Lists::mask(record, i));
        });
        const int end = width - TrimRight;
        int x = trimmed;
        for (bool done = false; !done;) {
            unroll<Reach::kPeriod>([&](auto i) {
                if (done) return;
                constexpr int step = trimmed + i;
                if (x == end) {
                    finish<step, TrimRight>(sweep, record, x);
                    done = true;
                    return;
                }
                sweep.template step<step>(Lists::mask(record, x));
                ++x;
            });
        }
    }

    using SweepRow = void (*)(const uint32_t*, int, const float*, const Ahead&, float*);

    // For rows of `width` pixels whose outputs in reach begin `left` columns before the image and end `right`
    // columns behind it.
    template <int Index, bool Fresh>
    static SweepRow select_sweep(int width, int left, int right) {
        const bool wide = width >= ColumnsOf<Index>::steps_to_pass(kTrim) + kTrim;
        const bool trims_left = wide && left >= kTrim, trims_right = wide && right >= kTrim;
        if (trims_left) {
            return trims_right ? sweep_row<Index, kTrim, kTrim, Fresh> : sweep_row<Index, kTrim, 0, Fresh>;
        }
        return trims_right ? sweep_row<Index, 0, kTrim, Fresh> : sweep_row<Index, 0, 0, Fresh>;
    }

    // How a phase of a row is swept.
    struct PhaseSweep {
        int record, pixels;  // where it begins among a row's words
        int column;          // of the tile, the first that it reaches
        SweepRow fresh, accumulate;
    };

    struct Call {
        halide_buffer_t *records, *tile;
        int src_h, pad_top;
        int reached;  // of the tile's columns, the others being beyond what the last source pixel reaches
        PhaseSweep phases[kPhases];
    };

    static Call prepare(halide_buffer_t* records, int src_h, int src_w, int pad_top, int pad_left, int dst_w,
                        halide_buffer_t* tile) {
        const int left = -tile->dim[2].min, columns = tile->dim[2].extent;
        const int reached = Transposed ? (src_w - 1) * Stride + S : columns;
        Call call = {records, tile, src_h, pad_top, reached, {}};
        unroll<kPhases>([&](auto i) {
            using Pixels = Phase<S, kPhases, i>;
            const int first = Pixels::first(pad_left), pixels = pixels_of_phase(src_w, kPhases, first);
            call.phases[i] = {first * Lists::phase_words(src_w), pixels,
                              Transposed ? 0 : Pixels::first_output(pad_left) + left,
                              select_sweep<i, true>(pixels, left, reached - left - dst_w),
                              select_sweep<i, false>(pixels, left, reached - left - dst_w)};
        });
        return call;
    }

    // Output rows y = first, first + step, ... < end meet source rows src_y, src_y + src_step, ... through a
    // filter row.
    struct Rows {
        int first, end, step, src_y, src_step;
    };

    static Rows rows_through(const Call& call, int r) {
        const halide_dimension_t rows = call.tile->dim[3];
        const int end = rows.min + rows.extent;
        if constexpr (Transposed) {
            // y = Stride * src_y + offset
            const int offset = r - call.pad_top;
            const int src_y = max_of(rows.min - offset + Stride - 1, 0) / Stride;
            return {src_y * Stride + offset, min_of(end, (call.src_h - 1) * Stride + offset + 1), Stride,
                    src_y, 1};
        } else {
            // src_y = Stride * y - offset
            const int offset = call.pad_top - r;
            const int first = max_of(rows.min, (max_of(offset, 0) + Stride - 1) / Stride);
            return {first, min_of(end, (call.src_h + offset + Stride - 1) / Stride), 1,
                    first * Stride - offset, Stride};
        }
    }

    // Whether filter row `r` is the first through which an output row meets a source row, given the latter.
    static bool is_first_through(int r, int src_y, int src_h) {
        return Transposed ? r < Stride || src_y == src_h - 1 : r == 0 || src_y == 0;
    }

    // The weights of a (group, filter row) over all rows of the tile that meet a source row through it, phase
    // after phase. The first phase reaches all that any does, but for the one pixel of a row that has it not.
    static void sweep_tile(const Call& call, const float* slab, int g, int r, int chunk) {
        const halide_dimension_t &columns = call.tile->dim[2], &images = call.tile->dim[5];
        const Rows rows = rows_through(call, r);
        const int count = max_of((rows.end - rows.first + rows.step - 1) / rows.step, 0);
        int pixels = 0;
        for (const PhaseSweep& phase : call.phases) pixels += phase.pixels * images.extent * count;
        Ahead ahead = Ahead::of(slab + kSlab, kSlab, pixels);
        bool begun = false;
        for (const PhaseSweep& phase : call.phases) {
            if (phase.pixels == 0) continue;
            for (int n = images.min; n < images.min + images.extent; ++n) {
                int src_y = rows.src_y;
                for (int y = rows.first; y < rows.end; y += rows.step, src_y += rows.src_step) {
                    const bool fresh = !begun && g == 0 && is_first_through(r, src_y, call.src_h);
                    (fresh ? phase.fresh : phase.accumulate)(
                        element<const uint32_t>(call.records, phase.record, src_y, g, n), phase.pixels, slab,
                        ahead, element<float>(call.tile, 0, 0, columns.min + phase.column, y, chunk, n));
                    ahead.pass(phase.pixels);
                }
            }
            begun = true;
        }
    }

    // What no source row or column reaches: at a stride above 1, bwd_data's last ones.
    static void clear_unreached(const Call& call, int chunk) {
        const halide_dimension_t columns = call.tile->dim[2], rows = call.tile->dim[3],
                                 images = call.tile->dim[5];
        const int reached_h = (call.src_h - 1) * Stride + R - call.pad_top;
        for (int n = images.min; n < images.min + images.extent; ++n) {
            for (int y = rows.min; y < rows.min + rows.extent; ++y) {
                const int x = y < reached_h ? call.reached : 0;
                float* pixel = element<float>(call.tile, 0, 0, columns.min + x, y, chunk, n);
                for (int i = 0; i < (columns.extent - x) * KV; ++i) store(pixel + i * kLanes, zero());
            }
        }
    }

    // Source rows that the tile's rows need; at least one, as Halide's buffers have no empty ones.
    static void require_rows(halide_buffer_t* records, const halide_dimension_t& rows, int src_h,
                             int pad_top) {
        const int begin = rows.min, last = rows.min + rows.extent - 1;
        const int from = Transposed ? max_of(begin + pad_top - R + Stride, 0) / Stride
                                    : max_of(begin * Stride - pad_top, 0);
        const int to = Transposed ? (last + pad_top) / Stride : last * Stride + R - 1 - pad_top;
        const int first = min_of(from, src_h - 1);
        require(records, 1, first, max_of(min_of(to, src_h - 1) - first + 1, 1));
    }

    // Halide stage: records (word, y, group, n) x packed weights (slab, r, group, k chunk) -> tile (k lane, k
    // vector, x, y, k chunk, n). The tile has the output's columns and, on either side, those that source
    // pixels reach beyond it, which are undefined.
    static int run(halide_buffer_t* records, halide_buffer_t* weights, int src_h, int src_w, int groups,
                   int pad_top, int pad_left, int dst_w, halide_buffer_t* tile) {
        const halide_dimension_t chunks = tile->dim[4], images = tile->dim[5];
        if (is_query(records) || is_query(weights) || is_query(tile)) {
            require(records, 0, 0, Lists::record_words(src_w));
            require_rows(records, tile->dim[3], src_h, pad_top);
            require(records, 2, 0, groups);
            require(records, 3, images.min, images.extent);
            require(weights, 0, 0, kSlab);
            require(weights, 1, 0, R);
            require(weights, 2, 0, groups);
            require(weights, 3, chunks.min, chunks.extent);
            return 0;
        }
        const Call call = prepare(records, src_h, src_w, pad_top, pad_left, dst_w, tile);
        for (int chunk = chunks.min; chunk < chunks.min + chunks.extent; ++chunk) {
            if constexpr (Transposed && Stride > 1) clear_unreached(call, chunk);
            for (int g = 0; g < groups; ++g) {
                for (int r = 0; r < R; ++r)
                    sweep_tile(call, element<const float>(weights, 0, r, g, chunk), g, r, chunk);
            }
        }
        return 0;
    }
};

}  // namespace
