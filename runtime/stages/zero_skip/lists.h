// Preparation of fwd and bwd_data by zero_skip: each row of a channel group becomes a record of occupancy
// words and the row's nonzero values, compressed, which all output channel chunks and filter rows then share.
//
// A record for W pixels and groups of `Group` channels: W mask words (bit i = channel i of the group), then
// the values in the order of (pixel, channel), without gaps. Where a sweep takes every other pixel, each
// phase of the row has a record of its own, one behind the other.
#pragma once

#include "runtime/stages/stage.h"
#include "runtime/stages/zero_skip/columns.h"
#include "schedules/rows.h"

namespace {

// `Step`: of the pixels and rows of the source, every Step-th counts, which is all that a filter narrower
// than its stride looks at. `Phases`: into how many records the pixels of a row are dealt.
template <int Group, int Step = 1, int Phases = 1>
struct NonzeroLists {
    static_assert(Group == 16 || Group == 32 || Group == 64);
    static constexpr int kBlocksInGroup = Group / kLanes;
    static constexpr int kMaskWords = sparsetrain::schedules::mask_words(Group);

    // Of a row of `width` pixels, and where the record of one of its phases begins.
    static constexpr int record_words(int width) { return phase_words(width) * Phases; }
    static constexpr int phase_words(int width) {
        return (width + Phases - 1) / Phases * sparsetrain::schedules::record_words(Group);
    }
    static const float* values(const uint32_t* record, int width) {
        return reinterpret_cast<const float*>(record + width * kMaskWords);
    }
    SPARSETRAIN_ALWAYS_INLINE static uint64_t mask(const uint32_t* record, int x) {
        uint64_t occupied = 0;
        __builtin_memcpy(&occupied, record + x * kMaskWords, kMaskWords * sizeof *record);
        return occupied;
    }

    // One row of the first `Blocks` channel blocks of a group, `plane` floats apart. What is `ahead` floats
    // from there is asked for: runs of a tile's rows are too short for the hardware to see them coming, and
    // waiting took 60 % of the time where src comes from memory.
    template <int Blocks>
    SPARSETRAIN_ALWAYS_INLINE static void compress_row(const float* src, ptrdiff_t plane, ptrdiff_t ahead,
                                                       int width, uint32_t* record) {
        float* values = reinterpret_cast<float*>(record + width * kMaskWords);
        for (int x = 0; x < width; ++x) {
            uint64_t occupied = 0;
            unroll<Blocks>([&](auto b) {
                const float* at = src + b * plane + x * (Step * Phases * kLanes);
                const Vec pixel = load(at);
                prefetch(at + ahead);
                const uint32_t nonzero = nonzero_lanes(pixel);
                // The record has room for what is written beyond the last value: at most Group values per
                // pixel come before.
                values = compress_store(values, nonzero, pixel);
                occupied |= static_cast<uint64_t>(nonzero) << (b * kLanes);
            });
            __builtin_memcpy(record + x * kMaskWords, &occupied, kMaskWords * sizeof *record);
        }
    }

    // The rows of group g in an image; of the last group, `blocks` may be fewer than a whole one.
    template <int Blocks = kBlocksInGroup>
    static void compress_rows(const halide_buffer_t* src, int width, int blocks, int g, int n,
                              halide_buffer_t* records) {
        if constexpr (Blocks > 1) {
            if (blocks < Blocks) return compress_rows<Blocks - 1>(src, width, blocks, g, n, records);
        }
        const int first = records->dim[1].min, end = first + records->dim[1].extent;
        // The next group's row; of the last one, the next row.
        const bool last = g + 1 == records->dim[2].min + records->dim[2].extent;
        const ptrdiff_t plane = src->dim[3].stride,
                        ahead = last ? ptrdiff_t{src->dim[2].stride} * Step : Blocks * plane;
        for (int y = first; y < end; ++y) {
            const float* row = element<const float>(src, 0, 0, y * Step, g * kBlocksInGroup, n);
            uint32_t* record = element<uint32_t>(records, 0, y, g, n);
            for (int phase = 0; phase < Phases; ++phase, record += phase_words(width)) {
                compress_row<Blocks>(row + phase * kLanes, plane, ahead,
                                     pixels_of_phase(width, Phases, phase), record);
            }
        }
    }

    // Halide stage: src (lane, x, y, c block, n) -> records (word, y, group, n) of `width` pixels; x and y of
    // the records count in steps.
    static int run(halide_buffer_t* src, int width, int blocks, halide_buffer_t* records) {
        const halide_dimension_t rows = records->dim[1], groups = records->dim[2], images = records->dim[3];
        if (is_query(src) || is_query(records)) {
            require(src, 0, 0, kLanes);
            require(src, 1, 0, (width - 1) * Step + 1);
            require(src, 2, rows.min * Step, (rows.extent - 1) * Step + 1);
            require(src, 3, groups.min * kBlocksInGroup, min_of(groups.extent * kBlocksInGroup, blocks));
            require(src, 4, images.min, images.extent);
            return 0;
        }
        for (int n = images.min; n < images.min + images.extent; ++n) {
            for (int g = groups.min; g < groups.min + groups.extent; ++g)
                compress_rows(src, width, blocks - g * kBlocksInGroup, g, n, records);
        }
        return 0;
    }
};

}  // namespace
