// bwd_data by output_mask: where a ReLU's backward follows, only the elements of diff_src that its mask keeps
// are computed. Each is a dot product over filter taps and output channels.
//
// The diff_dst neighbourhood of a pixel (R x S x KV vectors over k) stays in registers and rotates over x;
// every set bit of the pixel's mask multiplies it with the weights of its channel. Sums stay in 8 lanes until
// all k are done: one ymm per set bit, listed in the order of the pixels, which is then reduced 16 elements
// at a time and expanded by the masks.
//
// What bounds it, on Zen 4: one zmm load and one zmm FMA per cycle, so R x S x KV cycles per set bit and K
// chunk, plus the load and store of its sum; R x KV loads of diff_dst per pixel.
#pragma once

#include "runtime/stages/stage.h"
#include "schedules/rows.h"

namespace {

// R, S: filter rows and columns (stride 1); KV: that of the OutputMaskRow.
template <int R, int S, int KV>
struct OutputMask {
    static constexpr int kChannel = R * S * KV * kLanes;  // weights of a channel: [R][S][KV][16k]
    static constexpr int kSlab = kLanes * kChannel;       // of a channel block and K chunk
    static constexpr int kSamePadding = (S - 1) / 2;
    // A sum between K chunks: 8 lanes, as a zmm store costs twice the slots of a ymm one.
    static constexpr int kSum = 8;
    // Sums of a strip of pixels: 32 KB of L2 and of the stack. Fewer would stream the weights more often.
    static constexpr int kMostSums = 1024;

    // The neighbourhood and two sums.
    static_assert(R * S * KV + 2 <= sparsetrain::schedules::kZmmRegisters,
                  "a neighbourhood exceeds the registers");
    static_assert(kSlab * 4 <= sparsetrain::schedules::kL1Bytes * 7 / 8, "weights exceed L1");

    struct Call {
        halide_buffer_t *diff_dst, *mask, *tile;
        int dst_h;
        int pad_top, pad_left;  // output row y meets diff_dst rows y - pad_top ... y - pad_top + R - 1
        int block;              // of output channels, of which there are 16
    };

    static __m512 load_sum(const float* sum) { return _mm512_zextps256_ps512(_mm256_load_ps(sum)); }
    static void store_sum(float* sum, __m512 lanes) {
        _mm256_store_ps(sum, _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1)));
    }

    // A place in the tile, in the order of images, rows and pixels.
    struct Cursor {
        int n, y, x;
    };

    // Pixels x to end of a row.
    struct Segment {
        int n, y, x, end;
    };

    // Pixels from begin to end: whole rows but for the first and the last.
    struct Strip {
        Cursor begin, end;

        int rows(const Call& call) const {
            return (end.n - begin.n) * call.tile->dim[2].extent + end.y - begin.y + 1;
        }

        template <typename Body>
        SPARSETRAIN_ALWAYS_INLINE void for_each_segment(const Call& call, const Body& body) const {
            const halide_dimension_t width = call.tile->dim[1], rows = call.tile->dim[2];
            for (int n = begin.n, y = begin.y, x = begin.x;;) {
                const bool last = n == end.n && y == end.y;
                const int stop = last ? end.x : width.min + width.extent;
                if (x < stop) body(Segment{n, y, x, stop});
                if (last) return;
                x = width.min;
                if (++y == rows.min + rows.extent) y = rows.min, ++n;
            }
        }
    };

    static const uint16_t* mask_row(const Call& call, int n, int y) {
        return element<const uint16_t>(call.mask, 0, y, call.block, n);
    }

    // As many pixels from `begin` on as have at most kMostSums set bits.
    static Strip next_strip(const Call& call, Cursor begin) {
        const halide_dimension_t width = call.tile->dim[1], rows = call.tile->dim[2],
                                 images = call.tile->dim[4];
        Strip strip = {
            begin, {images.min + images.extent - 1, rows.min + rows.extent - 1, width.min + width.extent}};
        int sums = 0;
        for (Cursor at = begin; at.n < images.min + images.extent; ++at.n, at.y = rows.min) {
            for (; at.y < rows.min + rows.extent; ++at.y, at.x = width.min) {
                const uint16_t* masks = mask_row(call, at.n, at.y);
                for (; at.x < width.min + width.extent; ++at.x) {
                    sums += __builtin_popcount(masks[at.x]);
                    if (sums > kMostSums) {
                        strip.end = at;
                        return strip;
                    }
                }
            }
        }
        return strip;
    }

    // diff_dst as one K chunk and one row of output pixels see it: the pixels of one row of one channel
    // block, and the way from there to the next row and the next block.
    struct Rows {
        const float* row;
        ptrdiff_t to_row, to_block;
        int width;
    };

    // Which part of a neighbourhood exists: filter rows from Begin to End, and the first Vectors k vectors.
    // Rows that `TrimColumns` have same padding and miss columns at their first and last pixels.
    template <int Begin, int End, int Vectors, bool TrimColumns>
    struct Part {
        static constexpr int begin = Begin, end = End, vectors = Vectors,
                             trim = TrimColumns ? kSamePadding : 0;
    };

    // The state of a sweep over a segment.
    template <typename Part, bool Fresh>
    struct Sweep {
        const Rows rows;
        const uint16_t* masks;
        const float* slab;
        float* sums;
        __m512 near[S][R][KV];  // column s of the pixel in `phase` is in slot (phase + s) % S

        // Column x of the part; zeros where it is padding.
        template <int Slot>
        SPARSETRAIN_ALWAYS_INLINE void load_column(int x) {
            const float* pixel = rows.row + ptrdiff_t{x} * kLanes;
            const bool exists = x >= 0 && x < rows.width;
            unroll<Part::end - Part::begin>([&](auto i) {
                unroll<Part::vectors>([&](auto v) {
                    near[Slot][Part::begin + i][v] =
                        exists ? _mm512_load_ps(pixel + i * rows.to_row + v * rows.to_block)
                               : _mm512_setzero_ps();
                });
            });
        }

        // The set bits of pixel x, whose columns from ColumnBegin to ColumnEnd exist.
        template <int Phase, int ColumnBegin, int ColumnEnd>
        SPARSETRAIN_ALWAYS_INLINE void pixel(int x) {
            constexpr int columns = ColumnEnd - ColumnBegin;
            for (uint32_t bits = masks[x]; bits != 0; bits &= bits - 1) {
                const float* weights = slab + static_cast<size_t>(__builtin_ctz(bits)) * kChannel;
                // Two chains, or the latency of one would bound the loop.
                __m512 sum[2] = {Fresh ? _mm512_setzero_ps() : load_sum(sums), _mm512_setzero_ps()};
                unroll<(Part::end - Part::begin) * columns * Part::vectors>([&](auto i) {
                    constexpr int r = Part::begin + i / (columns * Part::vectors),
                                  s = ColumnBegin + i / Part::vectors % columns, v = i % Part::vectors;
                    constexpr int offset = ((r * S + s) * KV + v) * kLanes;
                    sum[i % 2] = _mm512_fmadd_ps(near[(Phase + s) % S][r][v],
                                                 _mm512_load_ps(weights + offset), sum[i % 2]);
                });
                store_sum(sums, _mm512_add_ps(sum[0], sum[1]));
                sums += kSum;
            }
        }
    };

    // A segment into one K chunk's sums, from `sums` on; returns their end. `Fresh`: there are no sums yet.
    template <typename Part, bool Fresh>
    __attribute__((noinline)) static float* sweep(const Rows& rows, const Segment& segment, int pad_left,
                                                  const uint16_t* masks, const float* slab, float* sums) {
        constexpr int trim = Part::trim;
        Sweep<Part, Fresh> sweep = {rows, masks, slab, sums, {}};
        const int end = segment.end, full_end = end == rows.width ? end - trim : end;
        int x = segment.x;
        unroll<S - 1>([&](auto s) { sweep.template load_column<s>(x - pad_left + s); });
        for (bool done = false; !done;) {
            unroll<S>([&](auto phase) {
                if (done) return;
                if (x == end) {
                    done = true;
                    return;
                }
                sweep.template load_column<(phase + S - 1) % S>(x - pad_left + S - 1);
                if (x < trim) {
                    unroll<trim>([&](auto i) {
                        if (x == i) sweep.template pixel<phase, trim - i, S>(x);
                    });
                } else if (x >= full_end) {
                    unroll<trim>([&](auto i) {
                        if (x == full_end + i) sweep.template pixel<phase, 0, S - 1 - i>(x);
                    });
                } else {
                    sweep.template pixel<phase, 0, S>(x);
                }
                ++x;
            });
        }
        return sweep.sums;
    }

    using SweepSegment = float* (*)(const Rows&, const Segment&, int, const uint16_t*, const float*, float*);

    // The sweep for the filter rows from `begin` to `end` and the first `vectors` k vectors.
    template <bool Fresh, int Case = 0>
    static SweepSegment select_sweep(int begin, int end, int vectors, bool same_padding) {
        constexpr int b = Case / R % R, e = Case % R + 1, v = Case / (R * R) + 1;
        if constexpr (v <= KV) {
            if constexpr (b < e) {
                if (begin == b && end == e && vectors == v) {
                    return same_padding ? sweep<Part<b, e, v, true>, Fresh>
                                        : sweep<Part<b, e, v, false>, Fresh>;
                }
            }
            return select_sweep<Fresh, Case + 1>(begin, end, vectors, same_padding);
        } else {
            return nullptr;
        }
    }

    // One K chunk into the sums of a strip; returns their end.
    template <bool Fresh>
    static float* sweep_strip(const Call& call, const Strip& strip, int chunk, const float* slab,
                              float* sums) {
        const int turns = strip.rows(call);
        int turn = 0;
        strip.for_each_segment(call, [&](const Segment& segment) {
            prefetch_next<kSlab>(slab, turn++, turns);
            const int top = segment.y - call.pad_top;
            const int begin = max_of(0, -top), end = min_of(R, call.dst_h - top);
            const halide_dimension_t* dim = call.diff_dst->dim;
            const Rows rows = {element<const float>(call.diff_dst, 0, 0, top + begin, chunk * KV, segment.n),
                               dim[2].stride, dim[3].stride, dim[1].extent};
            const int vectors = min_of(KV, dim[3].extent - chunk * KV), width = call.tile->dim[1].extent;
            const bool same =
                call.pad_left == kSamePadding && dim[1].extent == width && width >= 2 * kSamePadding;
            sums = select_sweep<Fresh>(begin, end, vectors, same)(
                rows, segment, call.pad_left, mask_row(call, segment.n, segment.y), slab, sums);
        });
        return sums;
    }

    // The totals of 16 sums, in order.
    SPARSETRAIN_ALWAYS_INLINE static __m512 reduce16(const float* sums) {
        __m512 twos[4], fours[2];  // how many sums are in each quarter
        unroll<4>([&](auto i) {
            const __m512 a = _mm512_load_ps(sums + 4 * i * kSum),
                         b = _mm512_load_ps(sums + (4 * i + 2) * kSum);
            twos[i] = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        });
        unroll<2>([&](auto i) {
            const __m512d a = _mm512_castps_pd(twos[2 * i]), b = _mm512_castps_pd(twos[2 * i + 1]);
            fours[i] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)),
                                     _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
        });
        const __m512 totals = _mm512_add_ps(_mm512_shuffle_f32x4(fours[0], fours[1], 0x88),
                                            _mm512_shuffle_f32x4(fours[0], fours[1], 0xdd));
        // Sums 0, 2, 4, 6, then 1, 3, 5, 7, then the same of the second eight.
        return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15),
                                     totals);
    }

    // Reduces the sums of a strip in place and expands them into the tile.
    static void finish_strip(const Call& call, const Strip& strip, float* sums, const float* end) {
        float* values = sums;
        for (const float* from = sums; from < end; from += kLanes * kSum, values += kLanes)
            _mm512_store_ps(values, reduce16(from));
        const float* next = sums;
        strip.for_each_segment(call, [&](const Segment& segment) {
            const uint16_t* masks = mask_row(call, segment.n, segment.y);
            float* to = element<float>(call.tile, 0, 0, segment.y, call.block, segment.n);
            for (int x = segment.x; x < segment.end; ++x) {
                const __mmask16 kept = masks[x];
                _mm512_store_ps(to + x * kLanes, _mm512_maskz_expand_ps(kept, _mm512_loadu_ps(next)));
                next += __builtin_popcount(kept);
            }
        });
    }

    static void compute_block(const Call& call, const float* weights, int chunks) {
        const halide_dimension_t width = call.tile->dim[1], rows = call.tile->dim[2],
                                 images = call.tile->dim[4];
        alignas(64) float sums[(kMostSums + kLanes) * kSum];
        const Cursor last = {images.min + images.extent - 1, rows.min + rows.extent - 1,
                             width.min + width.extent};
        for (Cursor begin = {images.min, rows.min, width.min};;) {
            const Strip strip = next_strip(call, begin);
            const float* end = sums;
            for (int chunk = 0; chunk < chunks; ++chunk) {
                const float* slab = weights + static_cast<size_t>(chunk) * kSlab;
                end = chunk == 0 ? sweep_strip<true>(call, strip, chunk, slab, sums)
                                 : sweep_strip<false>(call, strip, chunk, slab, sums);
            }
            finish_strip(call, strip, sums, end);
            if (strip.end.n == last.n && strip.end.y == last.y && strip.end.x == last.x) return;
            begin = strip.end;
        }
    }

    // Halide stage: diff_dst (k lane, x, y, k block, n) x packed weights (slab, k chunk, c block), mask (x,
    // y, c block, n) -> tile (c lane, x, y, c block, n).
    static int run(halide_buffer_t* diff_dst, halide_buffer_t* weights, halide_buffer_t* mask, int dst_w,
                   int dst_h, int k_blocks, int pad_top, int pad_left, halide_buffer_t* tile) {
        const halide_dimension_t width = tile->dim[1], rows = tile->dim[2], blocks = tile->dim[3],
                                 images = tile->dim[4];
        const int chunks = (k_blocks + KV - 1) / KV;
        if (is_query(diff_dst) || is_query(weights) || is_query(mask) || is_query(tile)) {
            // Every output row meets a row of diff_dst, as no padding is as high as the filter.
            const int first = max_of(0, rows.min - pad_top);
            const int last = min_of(dst_h - 1, rows.min + rows.extent - 1 + R - 1 - pad_top);
            require(diff_dst, 0, 0, kLanes);
            require(diff_dst, 1, 0, dst_w);
            require(diff_dst, 2, first, last - first + 1);
            require(diff_dst, 3, 0, k_blocks);
            require(diff_dst, 4, images.min, images.extent);
            require(weights, 0, 0, kSlab);
            require(weights, 1, 0, chunks);
            require(weights, 2, blocks.min, blocks.extent);
            require(mask, 0, width.min, width.extent);
            require(mask, 1, rows.min, rows.extent);
            require(mask, 2, blocks.min, blocks.extent);
            require(mask, 3, images.min, images.extent);
            return 0;
        }
        for (int block = blocks.min; block < blocks.min + blocks.extent; ++block) {
            compute_block({diff_dst, mask, tile, dst_h, pad_top, pad_left, block},
                          element<const float>(weights, 0, 0, block), chunks);
        }
        return 0;
    }
};

}  // namespace
