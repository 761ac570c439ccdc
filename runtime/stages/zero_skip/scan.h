// bwd_weights by zero_skip: one of src and diff_dst is `scanned`, the other gives `vectors`. For one scanned
// channel the accumulators of taps by some vectors of the other's channels stay in registers while the
// channel's occupancy, transposed to one bit per pixel, is scanned; each nonzero is broadcast once and
// multiplied with the vectors around it.
//
// The work is cut into parts of the filter whose scanned pixels all meet the same taps (FilterPart): the
// whole filter at stride 1; at stride 2, if src is scanned, one part for each parity of a pixel's padded
// coordinates. A part is cut into tiles of scanned pixels (WindowTiles, FlatTiles), whose vectors are copied
// to a compact square that stays in L1 while all scanned channels pass.
//
// What bounds it: one load and one FMA per vector and nonzero, plus, for each channel and tile, the load and
// store of its accumulators and a mispredicted end of the scan. So tiles have as many pixels as L1 has
// vectors.
#pragma once

#include "runtime/stages/zero_skip/flat_tiles.h"
#include "runtime/stages/zero_skip/transpose.h"
#include "runtime/stages/zero_skip/window_tiles.h"
#include "schedules/budgets.h"
#include "schedules/rows.h"

namespace {

template <bool OneTap>
struct TilesFor {
    template <typename Y, typename X, int Rows>
    using Of = WindowTiles<Y, X, Rows>;
};
template <>
struct TilesFor<true> {
    template <typename Y, typename X, int Rows>
    using Of = FlatTiles<Y, X, Rows>;
};

constexpr int kPreparedBytes = sparsetrain::schedules::prepared_bytes(SPARSETRAIN_L2_BYTES),
              kSumsBytes = sparsetrain::schedules::sums_bytes(SPARSETRAIN_L2_BYTES);

// A part of the filter of a class; TapRows, KV, Rows: those of the ZeroSkipWeightsRow. ParityY, ParityX: see
// FilterAxis.
template <bool ScansSrc, int R, int S, int Stride, int TapRows, int KV, int Rows, int ParityY, int ParityX>
struct FilterPart {
    using Y = FilterAxis<ScansSrc, R, Stride, ParityY>;
    using X = FilterAxis<ScansSrc, S, Stride, ParityX>;
    using Tiles = typename TilesFor<R == 1 && S == 1>::template Of<Y, X, Rows>;
    using Tile = typename Tiles::Tile;
    using Tiling = typename Tiles::Tiling;
    using Images = ScannedImages<Y, X>;
    static constexpr bool kHasTaps = Y::kTaps > 0 && X::kTaps > 0;

    static constexpr int kWords = Tiles::kSlots / 64;   // mask words per channel and tile
    static constexpr int kTap = KV * kLanes;            // floats of the sums of a scanned channel and tap
    static constexpr int kChannel = R * S * kTap;       // floats of the sums of a scanned channel
    static constexpr int kElement = kLanes * kChannel;  // floats of the sums of a channel block and chunk
    static constexpr int kTileBlock = Tiles::kSlots * kLanes;  // floats of a tile of a scanned channel block

    static_assert(Tiles::kSlots % 64 == 0, "a mask word holds 64 pixels");
    static_assert(!kHasTaps ||
                      Tiles::kCopyPixels ==
                          sparsetrain::schedules::copied_pixels(Rows, Y::kTaps, X::kTaps, Y::kVectorStep),
                  "what budget_of counts");

    // Registers for sums, in Vecs, and how many vectors of a chunk they and L1 allow at a time.
    static constexpr int kAccumulators = TapRows * S * KV;
    static constexpr int most_vectors() {
        int vectors = 1;
        while (vectors < KV && X::kTaps * (vectors + 1) <= kAccumulators &&
               Tiles::kCopyPixels * (vectors + 1) * kLanes * 4 <= SPARSETRAIN_BYTES_OF_COPIES)
            ++vectors;
        return vectors;
    }
    static constexpr int kMostVectors = most_vectors();

    // A share of the work: some tiles, of all scanned channels or (of deep tensors) some channel blocks,
    // which are prepared once and serve all chunks. Every chunk scans the tiles and every tile adds to the
    // sums of a chunk, so L2 should hold both; runs go on from image to image, or the sums of deep tensors
    // with small images would be fetched for a tile or two.
    static constexpr int kRunBlocks = kPreparedBytes / (kTileBlock * 4);
    static constexpr int kMostBlocks = kSumsBytes / (kElement * 4) > 0 ? kSumsBytes / (kElement * 4) : 1;
    static constexpr int kBlockWords = kLanes * kWords;
    struct Run {
        int first_tile, end_tile, first_block, blocks;

        int tiles() const { return end_tile - first_tile; }
        // Where a tile of a block is among what is prepared.
        int index(int tile, int block) const { return (tile - first_tile) * blocks + block - first_block; }
    };
    static constexpr int kStrip = Tiles::kStripTiles;
    static int tiles_of_run(int blocks) { return max_of(kRunBlocks / blocks / kStrip, 1) * kStrip; }
    static constexpr int kMostPrepared = kRunBlocks > kMostBlocks* kStrip ? kRunBlocks : kMostBlocks* kStrip;

    static constexpr int kCopy = Tiles::kCopyPixels * kMostVectors * kLanes;
    struct Scratch {
        alignas(64) uint64_t words[kMostPrepared * kBlockWords];
        alignas(64) float values[kMostPrepared * kTileBlock];
        alignas(64) float copies[kStrip * kCopy];
    };

    // The occupancy of some tiles in a channel block, bit i of word w of a channel for slot 64 w + i, and,
    // unless they can be taken from where they are, the values of all slots.
    static void prepare_strip(const Tiling& tiling, const Run& run, int first, int count, int block,
                              Scratch& scratch) {
        alignas(64) uint16_t lanes[kStrip][Tiles::kSlots] = {};
        const ptrdiff_t next_block = tiling.scanned_block();
        for (int line = 0; line < Tiles::kScannedLines; ++line) {
            for (int i = 0; i < count; ++i) {
                const Tile tile = tiling[first + i];
                const bool copies = tiling.in_place(tile, block) == nullptr;
                float* values = scratch.values + ptrdiff_t{run.index(first + i, block)} * kTileBlock;
                tiling.for_each_run(tile, line, block, [&](int slot, const float* pixel, int pixels) {
                    for (int x = 0; x < pixels; ++x) {
                        const float* at = pixel + x * X::kScannedStep * kLanes;
                        const Vec value = load(at);
                        prefetch(at + next_block);
                        lanes[i][slot + x] = static_cast<uint16_t>(nonzero_lanes(value));
                        if (copies) store(values + (slot + x) * kLanes, value);
                    }
                });
            }
        }
        for (int i = 0; i < count; ++i) {
            uint64_t* words = scratch.words + run.index(first + i, block) * kBlockWords;
            for (int w = 0; w < kWords; ++w) transpose_bits(lanes[i] + 64 * w, words + w, kWords);
        }
    }

    static void prepare(const Tiling& tiling, const Run& run, Scratch& scratch) {
        for (int block = run.first_block; block < run.first_block + run.blocks; ++block) {
            for (int i = run.first_tile; i < run.end_tile; i += kStrip)
                prepare_strip(tiling, run, i, min_of(kStrip, run.end_tile - i), block, scratch);
        }
    }

    // `Vectors` vectors of a chunk.
    template <int Vectors>
    struct Chunk {
        static constexpr int kPixel = Vectors * kLanes;  // floats of a pixel of the copy
        static constexpr int kCopied = Tiles::kCopyPixels * kPixel;
        static constexpr int kMostTapRows = kAccumulators / (X::kTaps * Vectors);

        // One scanned channel over one tile and `Count` rows of taps; values are those of its slots. Never
        // inlined: among its callers' variables the inner loop would run out of integer registers, at a cost
        // of 20 %.
        template <int FirstTapRow, int Count>
        __attribute__((noinline)) static void scan(const uint64_t* words, int word_count, const float* values,
                                                   const float* copy, float* sums) {
            constexpr int count = Count * X::kTaps * Vectors;
            const auto sum_of = [](auto i) {
                constexpr int r = Y::tap(FirstTapRow + i / (X::kTaps * Vectors));
                constexpr int s = X::tap(i / Vectors % X::kTaps);
                return Index<(r * S + s) * kTap + i % Vectors * kLanes>{};
            };
            Vec acc[count];  // [Count][taps of a row][Vectors]
            unroll<count>([&](auto i) { acc[i] = load(sums + sum_of(i)); });
            copy += Tiles::in_window(FirstTapRow, 0) * kPixel;
            const int end = kWords == 1 ? 1 : word_count;  // a constant leaves no loop
            for (int w = 0; w < end; ++w) {
                for (uint64_t word = words[w]; word != 0; word &= word - 1) {
                    const ptrdiff_t slot = __builtin_ctzll(word);
                    const Broadcast value = broadcast(values + slot * kLanes);
                    const float* pixel = copy + Tiles::window(slot) * kPixel;
                    asm("" : "+r"(pixel));  // one base register: indexed operands of FMAs cost 8 %
                    unroll<count>([&](auto i) {
                        constexpr int r = i / (X::kTaps * Vectors), s = i / Vectors % X::kTaps;
                        constexpr int tap = Tiles::in_window(r, s) * kPixel + i % Vectors * kLanes;
                        acc[i] = multiply_add(value, load(pixel + tap), acc[i]);
                    });
                }
                values += 64 * kLanes;
                copy += Tiles::window(64) * kPixel;
            }
            unroll<count>([&](auto i) { store(sums + sum_of(i), acc[i]); });
        }

        // The same over all rows of taps, as many at a time as there are registers for.
        template <int FirstTapRow = 0>
        SPARSETRAIN_ALWAYS_INLINE static void scan_taps(const uint64_t* words, int word_count,
                                                        const float* values, const float* copy, float* sums) {
            constexpr int left = Y::kTaps - FirstTapRow, rows = left < kMostTapRows ? left : kMostTapRows;
            scan<FirstTapRow, rows>(words, word_count, values, copy, sums);
            if constexpr (rows < left) scan_taps<FirstTapRow + rows>(words, word_count, values, copy, sums);
        }

        static bool is_empty(const uint64_t* words) {
            uint64_t any = words[0];
            for (int w = 1; w < kWords; ++w) any |= words[w];
            return any == 0;
        }

        static void scan_tile(const Tiling& tiling, const Run& run, int tile, const Scratch& scratch,
                              const float* copy, float* sums) {
            const int word_count = pieces(Tiles::slots(tiling[tile]), 64);
            for (int block = run.first_block; block < run.first_block + run.blocks; ++block) {
                const ptrdiff_t index = run.index(tile, block);
                const uint64_t* words = scratch.words + index * kBlockWords;
                const float* values = tiling.in_place(tiling[tile], block);
                if (values == nullptr) values = scratch.values + index * kTileBlock;
                for (int c = 0; c < kLanes; ++c, words += kWords, sums += kChannel)
                    if (!is_empty(words)) scan_taps(words, word_count, values + c, copy, sums);
            }
        }

        // A run into the sums from `vector_block` on.
        static void scan_run(const Tiling& tiling, const Run& run, int vector_block, Scratch& scratch,
                             float* sums) {
            for (int first = run.first_tile; first < run.end_tile; first += kStrip) {
                const int count = min_of(kStrip, run.end_tile - first);
                for (int v = 0; v < Vectors; ++v) {
                    for (int line = 0; line < Tiles::kCopyLines; ++line) {
                        for (int i = 0; i < count; ++i)
                            tiling.template copy_line<kPixel>(tiling[first + i], line, vector_block + v,
                                                              scratch.copies + i * kCopied + v * kLanes);
                    }
                }
                for (int i = 0; i < count; ++i)
                    scan_tile(tiling, run, first + i, scratch, scratch.copies + i * kCopied, sums);
            }
        }
    };

    // A run into the sums of a chunk of `vectors` vectors, some at a time.
    static void scan_chunk(const Tiling& tiling, const Run& run, int vector_block, int vectors,
                           Scratch& scratch, float* sums) {
        for (int v = 0; v < vectors; v += kMostVectors) {
            unroll<kMostVectors>([&](auto i) {
                if (min_of(kMostVectors, vectors - v) == i + 1)
                    Chunk<i + 1>::scan_run(tiling, run, vector_block + v, scratch, sums + v * kLanes);
            });
        }
    }

    // Exchanges the scanned and the vector lanes of sums that are complete.
    static void exchange_lanes(float* sums, int blocks) {
        for (int b = 0; b < blocks; ++b, sums += kElement) {
            for (int i = 0; i < R * S * KV; ++i) transpose_square(sums + i * kLanes, kChannel);
        }
    }

    // What the first part does before and the last one after its sums, while those of a chunk are in L2.
    struct Duties {
        bool clear, exchange;
    };

    // Adds the tiles to the sums of scanned channel blocks `block` and on.
    static void add_tiles(const Tiling& tiling, int block, int blocks, int vector_blocks, Duties duties,
                          float* memory, halide_buffer_t* sums, int part) {
        Scratch& scratch = *reinterpret_cast<Scratch*>(memory);
        const halide_dimension_t chunks = sums->dim[2];
        const int tiles = tiles_of_run(blocks);
        for (int first = 0; first < tiling.count; first += tiles) {
            const Run run = {first, min_of(tiling.count, first + tiles), block, blocks};
            prepare(tiling, run, scratch);
            for (int chunk = chunks.min; chunk < chunks.min + chunks.extent; ++chunk) {
                float* to = element<float>(sums, 0, block, chunk, part);
                if (duties.clear && first == 0)
                    __builtin_memset(to, 0, sizeof(float) * kElement * static_cast<size_t>(blocks));
                const int vector_block = chunk * KV;
                scan_chunk(tiling, run, vector_block, min_of(KV, vector_blocks - vector_block), scratch, to);
                if (duties.exchange && run.end_tile == tiling.count) exchange_lanes(to, blocks);
            }
        }
    }
};

// bwd_weights of a class.
template <bool ScansSrc, int R, int S, int Stride, int TapRows, int KV, int Rows>
struct ZeroSkipScan {
    static constexpr int kParities = ScansSrc ? Stride : 1;
    template <int Y, int X>
    using Part = FilterPart<ScansSrc, R, S, Stride, TapRows, KV, Rows, Y, X>;

    struct Work {
        halide_buffer_t *scanned, *vectors, *sums;
        float* scratch;
        int vector_blocks, pad_top, pad_left, first_image, end_image, part;
    };

    // Calls body(part, tiling) for each part of the filter that has taps and pixels.
    template <typename Body>
    SPARSETRAIN_ALWAYS_INLINE static void for_each_part(const Work& work, const Body& body) {
        unroll<kParities * kParities>([&](auto i) {
            using FilterPart = Part<i / kParities, i % kParities>;
            if constexpr (FilterPart::kHasTaps) {
                const typename FilterPart::Images images(work.scanned, work.vectors, work.pad_top,
                                                         work.pad_left);
                const typename FilterPart::Tiling tiling(images, work.first_image, work.end_image);
                if (tiling.count > 0) body(FilterPart{}, tiling);
            }
        });
    }

    // Images that all parts of the filter take before the next ones, so that what the first part fetches from
    // memory is in L3 for the others.
    static int images_per_round(const Work& work) {
        constexpr ptrdiff_t kRoundBytes = 4 << 20;  // about what a core may hope for of L3
        const int images = max_of(work.end_image - work.first_image, 1);
        if (kParities == 1) return images;
        const ptrdiff_t bytes = work.scanned->dim[4].stride * ptrdiff_t{sizeof(float)};
        return bytes * images <= kRoundBytes ? images : static_cast<int>(kRoundBytes / bytes) + 1;
    }

    static void sum_images(const Work& work, bool exchange) {
        const halide_dimension_t blocks = work.sums->dim[1];
        const int most = even_size(blocks.extent, Part<0, 0>::kMostBlocks);
        const int images = images_per_round(work);
        for (int block = blocks.min; block < blocks.min + blocks.extent; block += most) {
            const int count = min_of(most, blocks.min + blocks.extent - block);
            for (int image = work.first_image; image < work.end_image; image += images) {
                Work round = work;
                round.first_image = image;
                round.end_image = min_of(image + images, work.end_image);
                sum_round(round, block, count, image == work.first_image,
                          exchange && round.end_image == work.end_image);
            }
        }
    }

    static void sum_round(const Work& work, int block, int count, bool clear, bool exchange) {
        int parts = 0, turn = 0;
        for_each_part(work, [&](const auto&, const auto&) { ++parts; });
        for_each_part(work, [&](const auto& part, const auto& tiling) {
            const bool first = turn == 0, last = ++turn == parts;
            part.add_tiles(tiling, block, count, work.vector_blocks, {clear && first, exchange && last},
                           work.scratch, work.sums, work.part);
        });
    }

    // Floats that a part of the batch works in: about a megabyte, which a thread's stack may not have.
    static constexpr int scratch_floats() {
        size_t bytes = 0;
        unroll<kParities * kParities>([&](auto i) {
            using Scratch = typename Part<i / kParities, i % kParities>::Scratch;
            if (sizeof(Scratch) > bytes) bytes = sizeof(Scratch);
        });
        return static_cast<int>(bytes / sizeof(float));
    }

    // Halide stage: scanned, vectors (lane, x, y, channel block, n), scratch (float, part) -> sums (element,
    // scanned block, chunk of KV vector blocks, part), element = [16 scanned lanes][R][S][KV][16 vector
    // lanes], or with `exchange`, [16 vector lanes][R][S][KV][16 scanned lanes]. Part p sums images p *
    // images_per_part and on, in order. The padding is src's.
    static int run(halide_buffer_t* scanned, halide_buffer_t* vectors, halide_buffer_t* scratch,
                   int scanned_h, int scanned_w, int vectors_h, int vectors_w, int batch, int vector_blocks,
                   int images_per_part, int pad_top, int pad_left, halide_buffer_t* sums) {
        const halide_dimension_t blocks = sums->dim[1], parts = sums->dim[3];
        if (is_query(scanned) || is_query(vectors) || is_query(scratch) || is_query(sums)) {
            require(scratch, 0, 0, scratch_floats());
            require(scratch, 1, parts.min, parts.extent);
            require_images(scanned, scanned_w, scanned_h, blocks.min, blocks.extent, batch);
            require_images(vectors, vectors_w, vectors_h, 0, vector_blocks, batch);
            return 0;
        }
        for (int part = parts.min; part < parts.min + parts.extent; ++part) {
            const int first = part * images_per_part, end = min_of(batch, first + images_per_part);
            sum_images({scanned, vectors, sums, element<float>(scratch, 0, part), vector_blocks, pad_top,
                        pad_left, first, end, part},
                       !ScansSrc);
        }
        return 0;
    }

    static void require_images(halide_buffer_t* tensor, int width, int height, int block, int blocks,
                               int batch) {
        require(tensor, 0, 0, kLanes);
        require(tensor, 1, 0, width);
        require(tensor, 2, 0, height);
        require(tensor, 3, block, blocks);
        require(tensor, 4, 0, batch);
    }
};

}  // namespace
