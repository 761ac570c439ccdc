// fwd and bwd_data by zero_skip: every nonzero of a source row is broadcast once and multiplied into the S x
// KV register accumulators of the output pixels that it reaches.
//
// The sweep moves along x; the accumulators of output pixels rotate: x, x + 1, ... x + S - 1 of the tile are
// in registers, one pixel is finished and one begun per step. The weights of a (group, filter row), at most
// 24 KB, stay in L1 for all rows of the tile. Control (mask words, bit scans, the exit of the loop) stays in
// the integer units, ahead of the FMAs.
#pragma once

#include "runtime/stages/row_lists.h"
#include "schedules/rows.h"

namespace {

// R, S: filter rows and columns (stride 1); Group, KV: those of the ScatterRow.
template <int R, int S, int Group, int KV>
struct Scatter {
    static constexpr int kPixel = KV * kLanes;  // floats of an output pixel in the tile
    static constexpr int kTap = KV * kLanes;    // floats of one channel's weights for one filter column
    static constexpr int kChannel = S * kTap;
    static constexpr int kSlab = Group * kChannel;  // weights of a (group, filter row): [Group][S][KV][16k]

    // The accumulators and a broadcast value.
    static_assert(S * KV + 1 <= sparsetrain::schedules::kZmmRegisters, "accumulators exceed the registers");
    static_assert(kSlab * 4 <= sparsetrain::schedules::kL1Bytes * 3 / 4, "weights leave no room in L1");

    using Accumulators = __m512[S][KV];

    template <int Pixel>
    SPARSETRAIN_ALWAYS_INLINE static void load(Accumulators& acc, const float* pixel) {
        unroll<KV>([&](auto v) { acc[Pixel][v] = _mm512_load_ps(pixel + v * kLanes); });
    }

    template <int Pixel>
    SPARSETRAIN_ALWAYS_INLINE static void store(const Accumulators& acc, float* pixel) {
        unroll<KV>([&](auto v) { _mm512_store_ps(pixel + v * kLanes, acc[Pixel][v]); });
    }

    // One source pixel. It reaches output pixels 0 ... S - 1 from `tile` on, held by accumulators (First + i)
    // % S; filter column s reaches pixel S - 1 - s.
    template <int First>
    SPARSETRAIN_ALWAYS_INLINE static void step(Accumulators& acc, uint32_t occupied, const float*& values,
                                               const float* slab, float* tile) {
        load<(First + S - 1) % S>(acc, tile + (S - 1) * kPixel);
        while (occupied != 0) {
            const float* weights = slab + static_cast<size_t>(__builtin_ctz(occupied)) * kChannel;
            occupied &= occupied - 1;
            const __m512 value = _mm512_set1_ps(*values++);
            unroll<S>([&](auto i) {
                constexpr int pixel = i, s = S - 1 - pixel, slot = (First + pixel) % S;
                unroll<KV>([&](auto v) {
                    acc[slot][v] =
                        _mm512_fmadd_ps(value, _mm512_load_ps(weights + s * kTap + v * kLanes), acc[slot][v]);
                });
            });
        }
        store<First>(acc, tile);
    }

    // After the last source pixel, S - 1 output pixels are still in registers.
    template <int First>
    SPARSETRAIN_ALWAYS_INLINE static void drain(const Accumulators& acc, float* tile) {
        unroll<S - 1>([&](auto i) { store<(First + i) % S>(acc, tile + i * kPixel); });
    }

    // One source row into one row of the tile, of width + S - 1 pixels.
    static void sweep(const uint32_t* record, int width, const float* slab, float* tile) {
        const float* values = reinterpret_cast<const float*>(record + width);
        Accumulators acc;
        unroll<S - 1>([&](auto i) { load<i>(acc, tile + i * kPixel); });
        int x = 0;
        for (bool done = false; !done;) {
            unroll<S>([&](auto phase) {
                if (done) return;
                if (x == width) {
                    drain<phase>(acc, tile);
                    done = true;
                    return;
                }
                step<phase>(acc, record[x], values, slab, tile);
                ++x;
                tile += kPixel;
            });
        }
    }

    // Halide stage: records (word, y, group, n) x packed weights (slab, r, group, k chunk) -> tile (k lane, k
    // vector, x, y, k chunk, n). Tile column j is output column j - (S - 1) + pad_left.
    static int run(halide_buffer_t* records, halide_buffer_t* weights, int src_h, int src_w, int groups,
                   int pad_top, halide_buffer_t* tile) {
        const halide_dimension_t rows = tile->dim[3], chunks = tile->dim[4], images = tile->dim[5];
        if (is_query(records) || is_query(weights) || is_query(tile)) {
            // At least one row, even where the tile lies in the padding altogether.
            const int first = max_of(0, min_of(src_h - 1, rows.min - pad_top));
            const int last = max_of(first, min_of(src_h - 1, rows.min + rows.extent - 1 + R - 1 - pad_top));
            require(records, 0, 0, RowLists<Group>::record_words(src_w));
            require(records, 1, first, last - first + 1);
            require(records, 2, 0, groups);
            require(records, 3, images.min, images.extent);
            require(weights, 0, 0, kSlab);
            require(weights, 1, 0, R);
            require(weights, 2, 0, groups);
            require(weights, 3, chunks.min, chunks.extent);
            return 0;
        }
        const size_t row_floats = static_cast<size_t>(src_w + S - 1) * kPixel;
        for (int n = images.min; n < images.min + images.extent; ++n) {
            for (int chunk = chunks.min; chunk < chunks.min + chunks.extent; ++chunk) {
                for (int y = rows.min; y < rows.min + rows.extent; ++y) {
                    __builtin_memset(element<float>(tile, 0, 0, 0, y, chunk, n), 0,
                                     row_floats * sizeof(float));
                }
                for (int g = 0; g < groups; ++g) {
                    for (int r = 0; r < R; ++r) {
                        const float* slab = element<const float>(weights, 0, r, g, chunk);
                        // Rows whose source row lies in the padding have nothing to add.
                        const int begin = max_of(rows.min, pad_top - r);
                        const int end = min_of(rows.min + rows.extent, src_h + pad_top - r);
                        for (int y = begin; y < end; ++y) {
                            sweep(element<const uint32_t>(records, 0, y + r - pad_top, g, n), src_w, slab,
                                  element<float>(tile, 0, 0, 0, y, chunk, n));
                        }
                    }
                }
            }
        }
        return 0;
    }
};

}  // namespace
