// Preparation of fwd and bwd_data by zero_skip: each row of a channel group becomes a record of occupancy
// words and the row's nonzero values, compressed, which all output channel chunks and filter rows then share.
//
// A record for W pixels and groups of `Group` channels (at most the 32 bits of a mask word): W mask words
// (bit i = channel i of the group), then the values in the order of (pixel, channel), without gaps.
#pragma once

#include "runtime/stages/stage.h"

namespace {

template <int Group>
struct RowLists {
    static constexpr int kBlocksInGroup = Group / kLanes;
    static_assert(Group % kLanes == 0 && Group <= 32);

    static constexpr int record_words(int width) { return width * (1 + Group); }

    // One row: `block[b]` is the row in channel block b of the group, or null beyond the last block.
    SPARSETRAIN_ALWAYS_INLINE static void compress_row(const float* const (&block)[kBlocksInGroup], int width,
                                                       uint32_t* record) {
        float* values = reinterpret_cast<float*>(record + width);
        for (int x = 0; x < width; ++x) {
            uint32_t occupied = 0;
            for (int b = 0; b < kBlocksInGroup && block[b] != nullptr; ++b) {
                const __m512 pixel = _mm512_load_ps(block[b] + x * kLanes);
                const __mmask16 nonzero = _mm512_cmp_ps_mask(pixel, _mm512_setzero_ps(), _CMP_NEQ_UQ);
                // Compressing to a register and storing it whole beats the compress-store, which is
                // microcoded on Zen 4. The record has room: at most Group values per pixel, and a store
                // writes at most 16 beyond the last value kept.
                _mm512_storeu_ps(values, _mm512_maskz_compress_ps(nonzero, pixel));
                values += __builtin_popcount(nonzero);
                occupied |= static_cast<uint32_t>(nonzero) << (b * kLanes);
            }
            record[x] = occupied;
        }
    }

    // Halide stage: src (lane, x, y, c block, n) -> records (word, y, group, n).
    static int run(halide_buffer_t* src, int width, int blocks, halide_buffer_t* records) {
        const halide_dimension_t rows = records->dim[1], groups = records->dim[2], images = records->dim[3];
        if (is_query(src) || is_query(records)) {
            require(src, 0, 0, kLanes);
            require(src, 1, 0, width);
            require(src, 2, rows.min, rows.extent);
            require(src, 3, groups.min * kBlocksInGroup, min_of(groups.extent * kBlocksInGroup, blocks));
            require(src, 4, images.min, images.extent);
            return 0;
        }
        for (int n = images.min; n < images.min + images.extent; ++n) {
            for (int g = groups.min; g < groups.min + groups.extent; ++g) {
                for (int y = rows.min; y < rows.min + rows.extent; ++y) {
                    const float* block[kBlocksInGroup];
                    for (int b = 0; b < kBlocksInGroup; ++b) {
                        const int cb = g * kBlocksInGroup + b;
                        block[b] = cb < blocks ? element<const float>(src, 0, 0, y, cb, n) : nullptr;
                    }
                    compress_row(block, width, element<uint32_t>(records, 0, y, g, n));
                }
            }
        }
        return 0;
    }
};

}  // namespace
