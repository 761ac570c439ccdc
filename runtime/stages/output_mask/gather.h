// bwd_data by output_mask: where a ReLU's backward follows, only the elements of diff_src that its mask keeps
// are computed. Each is a dot product over filter taps and output channels.
//
// The pixels of diff_src whose coordinates, counted from the padding's edge, are equal modulo the stride form
// a phase: they meet the same taps, every stride-th one of the filter, and neighbouring pixels of a phase
// meet neighbouring pixels of diff_dst. So each of the Stride x Stride phases is a convolution at stride 1
// with its part of the filter: of 3x3 at stride 2 the parts are 2x2, 2x1, 1x2 and 1x1; of 1x1, three parts
// are empty and the result is 0.
//
// A sweep (output_mask_sweep.h) takes the neighbourhood of a phase's pixels over some filter rows and output
// channels. Sums stay in 8 lanes until all sweeps of a strip of pixels are done: one per set bit, listed in
// the order of pixels and channels, which is then reduced 16 elements at a time and expanded by the masks.
//
// What bounds it: one load and one FMA per vector of the neighbourhood, set bit and chunk of output channels,
// plus the load and store of its sum.
#pragma once

#include "runtime/stages/output_mask/sums.h"
#include "schedules/rows.h"

namespace {

// R, S: filter rows and columns; Group, TapRows, Vectors: those of the OutputMaskRow.
template <int R, int S, int Stride, int Group, int TapRows, int Vectors>
struct OutputMask {
    static constexpr int kBlocks = Group / kLanes;
    // Sums and pixels of a strip. Sums are in L2; fewer would read the weights more often.
    static constexpr int kMostSums = 4096, kMostPixels = 1024;

    using Word = typename MaskWord<(Group > 32)>::Type;

    struct Call {
        halide_buffer_t *diff_dst, *mask, *tile;
        int dst_h;
        int pad_top, pad_left;
    };

    // The coordinates of a phase in one direction: first, first + Stride, ... The taps of the i-th meet
    // diff_dst origin + i and on; beyond the `reached` first ones, nothing.
    struct Axis {
        int first, count, reached, origin;

        // Those within `dim` that meet `taps` taps, the first of which is `tap`.
        Axis(const halide_dimension_t& dim, int padding, int tap, int taps, int dst_size)
            : first(dim.min + (tap + Stride - (dim.min + padding) % Stride) % Stride),
              count(max_of(dim.min + dim.extent - first + Stride - 1, 0) / Stride),
              reached(0),
              origin((first + padding - tap) / Stride - taps + 1) {
            if (taps > 0) reached = max_of(min_of(dst_size - origin, count), 0);
        }
    };

    // A place among the pixels of a phase, in the order of images, rows and columns.
    struct Cursor {
        int n, i, j;
    };

    // The pixels of a phase in the tile.
    struct Grid {
        const Axis y, x;
        const halide_dimension_t &images, &blocks;

        Cursor begin() const { return {x.count > 0 && y.count > 0 ? images.min : end(), 0, 0}; }
        int end() const { return images.min + images.extent; }
        // The row after that of `at`.
        Cursor next_row(Cursor at) const {
            return at.i + 1 < y.count ? Cursor{at.n, at.i + 1, 0} : Cursor{at.n + 1, 0, 0};
        }
        // Calls body(Cursor, pixels) for each row's part of `pixels` pixels.
        template <typename Body>
        SPARSETRAIN_ALWAYS_INLINE void for_each_segment(Cursor at, int pixels, const Body& body) const {
            while (pixels > 0) {
                const int segment = min_of(pixels, x.count - at.j);
                body(at, segment);
                pixels -= segment;
                at = next_row(at);
            }
        }
    };

    // The masks of a channel group along a row of a phase; those of pixels that no tap reaches are 0.
    struct MaskRow {
        const uint16_t* first;
        ptrdiff_t to_block;
        int blocks, reached;

        MaskRow(const Call& call, const Grid& grid, Cursor at)
            : first(element<const uint16_t>(call.mask, grid.x.first, grid.y.first + at.i * Stride,
                                            grid.blocks.min, at.n)),
              to_block(call.mask->dim[2].stride),
              blocks(grid.blocks.extent),
              reached(at.i < grid.y.reached ? grid.x.reached : 0) {}

        Word operator[](int j) const {
            Word word = 0;
            if (j >= reached) return word;
            unroll<kBlocks>([&](auto b) {
                if (b < blocks) word |= Word{first[b * to_block + j * Stride]} << (b * kLanes);
            });
            return word;
        }
    };

    // Consecutive pixels of a phase.
    struct Strip {
        Cursor begin;
        int pixels;
        alignas(64) Word words[kMostPixels];
        alignas(64) float sums[(kMostSums + kLanes) * kSumLanes];

        // Takes as many pixels from `at` on as have at most kMostSums set bits; returns where the next are.
        Cursor fill(const Call& call, const Grid& grid, Cursor at) {
            begin = at;
            pixels = 0;
            int kept = 0;
            for (; at.n < grid.end(); at = grid.next_row(at)) {
                const MaskRow masks(call, grid, at);
                for (; at.j < grid.x.count; ++at.j) {
                    const Word word = masks[at.j];
                    kept += __builtin_popcountll(word);
                    if (pixels == kMostPixels || kept > kMostSums) return at;
                    words[pixels++] = word;
                }
            }
            return at;
        }

        // Reduces the sums in place and expands them into the tile.
        void finish(const Call& call, const Grid& grid, const float* end) {
            float* values = sums;
            for (const float* from = sums; from < end; from += kLanes * kSumLanes, values += kLanes)
                store(values, reduce16(from));
            const float* next = sums;
            const Word* word = words;
            grid.for_each_segment(begin, pixels, [&](Cursor at, int segment) {
                const halide_dimension_t* dim = call.tile->dim;
                float* to = element<float>(call.tile, 0, grid.x.first + at.j * Stride,
                                           grid.y.first + at.i * Stride, grid.blocks.min, at.n);
                for (int x = 0; x < segment; ++x, to += Stride * kLanes) {
                    const Word all = *word++;
                    for (int b = 0; b < grid.blocks.extent; ++b) {
                        const uint32_t kept = static_cast<uint16_t>(all >> (b * kLanes));
                        store(to + ptrdiff_t{b} * dim[3].stride, expand_load(next, kept));
                        next += __builtin_popcount(kept);
                    }
                }
            });
        }
    };

    // One phase: those pixels whose first taps are row R0 and column S0.
    template <int R0, int S0>
    struct Phase {
        static constexpr int rows = sparsetrain::schedules::taps_of_phase(R, Stride, R0);
        static constexpr int columns = sparsetrain::schedules::taps_of_phase(S, Stride, S0);
        static constexpr auto cut = sparsetrain::schedules::cut_phase(TapRows, Vectors, rows, columns);

        // The filter rows and output channels of a sweep, and its weights.
        struct Part {
            int row, rows;
            int block, vectors;
            const float* weights;  // [Group][rows][columns][vectors][16k]

            int channel() const { return rows * columns * vectors * kLanes; }
        };

        using Sweep = float* (*)(const Neighbours&, const ChannelWeights&, const Word*, int, Ahead, float*);

        template <bool Fresh, int Case = 0>
        static Sweep select_sweep(int existing_rows, int vectors) {
            constexpr int r = Case / cut.k_vectors + 1, v = Case % cut.k_vectors + 1;
            if constexpr (r < cut.tap_rows || v < cut.k_vectors) {
                if (existing_rows != r || vectors != v)
                    return select_sweep<Fresh, Case + 1>(existing_rows, vectors);
            }
            return OutputMaskSweep<r, columns, v, Fresh, Word>::run;
        }

        // Into the sums of a segment, from `sums` on; returns their end.
        static float* sweep_segment(const Call& call, const Grid& grid, const Part& part, Cursor at,
                                    const Word* words, int pixels, const Ahead& ahead, float* sums) {
            const halide_dimension_t* dim = call.diff_dst->dim;
            const int top = grid.y.origin + at.i, first = max_of(0, -top);
            const int begin = max_of(part.row, first);
            const int existing_rows = min_of(part.row + part.rows, call.dst_h - top) - begin;
            if (existing_rows <= 0) {
                for (int x = 0; x < pixels; ++x) sums += __builtin_popcountll(words[x]) * kSumLanes;
                return sums;
            }
            const Neighbours from = {element<const float>(call.diff_dst, 0, 0, top + begin, part.block, at.n),
                                     dim[2].stride, dim[3].stride, dim[1].extent, grid.x.origin + at.j};
            const ChannelWeights weights = {
                part.weights + ptrdiff_t{begin - part.row} * columns * part.vectors * kLanes, part.channel()};
            const bool fresh = part.block == 0 && part.row <= first;
            const Sweep sweep = fresh ? select_sweep<true>(existing_rows, part.vectors)
                                      : select_sweep<false>(existing_rows, part.vectors);
            return sweep(from, weights, words, pixels, ahead, sums);
        }

        // Into the sums of a strip; returns their end.
        static float* sweep_strip(const Call& call, const Grid& grid, const Part& part, Strip& strip) {
            const int slab = Group * part.channel();
            Ahead ahead = Ahead::of(part.weights + slab, slab, strip.pixels);
            const Word* words = strip.words;
            float* sums = strip.sums;
            grid.for_each_segment(strip.begin, strip.pixels, [&](Cursor at, int pixels) {
                sums = sweep_segment(call, grid, part, at, words, pixels, ahead, sums);
                ahead.pass(pixels);
                words += pixels;
            });
            return sums;
        }

        static void compute_strip(const Call& call, const Grid& grid, const float* weights, Strip& strip) {
            const int k_blocks = call.diff_dst->dim[3].extent;
            const float* end = strip.sums;
            for (int block = 0; block < k_blocks; block += cut.k_vectors) {
                const int vectors = min_of(cut.k_vectors, k_blocks - block);
                for (int row = 0; row < rows; row += cut.tap_rows) {
                    const Part part = {row, min_of(cut.tap_rows, rows - row), block, vectors, weights};
                    end = sweep_strip(call, grid, part, strip);
                    weights += Group * part.channel();
                }
            }
            strip.finish(call, grid, end);
        }

        // Returns the end of the phase's weights.
        static const float* compute(const Call& call, const float* weights, Strip& strip) {
            const halide_dimension_t* tile = call.tile->dim;
            const int k_blocks = call.diff_dst->dim[3].extent;
            const Grid grid = {Axis(tile[2], call.pad_top, R0, rows, call.dst_h),
                               Axis(tile[1], call.pad_left, S0, columns, call.diff_dst->dim[1].extent),
                               tile[4], tile[3]};
            for (Cursor at = grid.begin(); at.n < grid.end();) {
                if constexpr (rows * columns == 0) {
                    clear_row(call, grid, at);
                    at = grid.next_row(at);
                } else {
                    at = strip.fill(call, grid, at);
                    compute_strip(call, grid, weights, strip);
                }
            }
            return weights + ptrdiff_t{rows * columns} * Group * k_blocks * kLanes;
        }
    };

    static void clear_row(const Call& call, const Grid& grid, Cursor at) {
        for (int b = grid.blocks.min; b < grid.blocks.min + grid.blocks.extent; ++b) {
            float* to = element<float>(call.tile, 0, grid.x.first, grid.y.first + at.i * Stride, b, at.n);
            for (int x = 0; x < grid.x.count; ++x) store(to + x * Stride * kLanes, zero());
        }
    }

    // Floats that a task works in: more than the stacks of some threads have.
    static constexpr int kScratchFloats = sizeof(Strip) / sizeof(float);

    static void require_all(const Call& call, halide_buffer_t* weights, halide_buffer_t* scratch, int dst_w,
                            int k_blocks) {
        const halide_dimension_t* tile = call.tile->dim;
        // At least one row, as Halide's buffers have no empty ones.
        const int last_row = tile[2].min + tile[2].extent - 1 + call.pad_top;
        const int first = min_of(max_of(tile[2].min + call.pad_top - R + Stride, 0) / Stride, call.dst_h - 1);
        const int end = max_of(min_of(last_row / Stride + 1, call.dst_h), first + 1);
        require(call.diff_dst, 0, 0, kLanes);
        require(call.diff_dst, 1, 0, dst_w);
        require(call.diff_dst, 2, first, end - first);
        require(call.diff_dst, 3, 0, k_blocks);
        require(call.diff_dst, 4, tile[4].min, tile[4].extent);
        const int group = tile[3].min / kBlocks;
        require(weights, 0, 0, kLanes);
        require(weights, 1, 0, Group * R * S * k_blocks);
        require(weights, 2, group, (tile[3].min + tile[3].extent - 1) / kBlocks - group + 1);
        require(call.mask, 0, tile[1].min, tile[1].extent);
        require(call.mask, 1, tile[2].min, tile[2].extent);
        require(call.mask, 2, tile[3].min, tile[3].extent);
        require(call.mask, 3, tile[4].min, tile[4].extent);
        require(scratch, 0, 0, kScratchFloats);
    }

    // Halide stage: diff_dst (k lane, x, y, k block, n) x packed weights (k lane, vector, channel group),
    // mask (x, y, c block, n), scratch (float) -> tile (c lane, x, y, c block, n), of one channel group.
    static int run(halide_buffer_t* diff_dst, halide_buffer_t* weights, halide_buffer_t* mask,
                   halide_buffer_t* scratch, int dst_w, int dst_h, int k_blocks, int pad_top, int pad_left,
                   halide_buffer_t* tile) {
        if (is_query(diff_dst) || is_query(weights) || is_query(mask) || is_query(scratch) ||
            is_query(tile)) {
            require_all({diff_dst, mask, tile, dst_h, pad_top, pad_left}, weights, scratch, dst_w, k_blocks);
            return 0;
        }
        // Halide passes whole tiles, though the last ones reach beyond the images. The mask does not.
        halide_dimension_t dim[5];
        for (int d = 0; d < 5; ++d) dim[d] = tile->dim[d];
        for (int d = 1; d < 5; ++d)
            dim[d].extent =
                min_of(dim[d].extent, mask->dim[d - 1].min + mask->dim[d - 1].extent - dim[d].min);
        halide_buffer_t clipped = *tile;
        clipped.dim = dim;

        const Call call = {diff_dst, mask, &clipped, dst_h, pad_top, pad_left};
        Strip& strip = *reinterpret_cast<Strip*>(element<float>(scratch, 0));
        const float* phase = element<const float>(weights, 0, 0, dim[3].min / kBlocks);
        unroll<Stride * Stride>(
            [&](auto i) { phase = Phase<i / Stride, i % Stride>::compute(call, phase, strip); });
        return 0;
    }
};

}  // namespace
