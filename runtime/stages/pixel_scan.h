// bwd_weights by zero_skip: one of src and diff_dst is `scanned`, the other gives `vectors`. For one scanned
// channel the accumulators of all R x S taps by KV vectors of the other's channels stay in registers while
// the channel's occupancy, transposed to one bit per pixel, is scanned; each nonzero is broadcast once and
// multiplied with the R x S x KV vectors around it.
//
// Scanned pixel (y, x) meets the vectors of the pixels from (y - pad_top, x - pad_left) on, R down and S to
// the right: position (i, j) among them is tap (i, j) of the filter if diff_dst is scanned and pad is src's;
// if src is, pad is what is left of R - 1 and S - 1, and taps count from the other end.
//
// Work is cut into tiles of Rows x (17 - S) pixels. A tile of vectors is copied, with its neighbours and
// zeros where they are padding, to a compact square of pitch 16, so that bit i of a mask word is at a
// constant stride from bit 0 and every tap at a constant offset: one pointer serves all FMAs. It stays in L1
// while all scanned channels pass.
#pragma once

#include "runtime/stages/stage.h"
#include "runtime/stages/transpose.h"
#include "schedules/rows.h"

namespace {

template <int R, int S, int KV, int Rows>
struct PixelScan {
    static constexpr int kPitch = 16;  // pixels of a tile row, in masks and in the copy of vectors
    static constexpr int kTileColumns = kPitch - (S - 1);  // of scanned pixels
    static constexpr int kWords = Rows / 4;                // mask words per channel, each 4 rows of 16 pixels
    static constexpr int kPixel = KV * kLanes;             // floats of a pixel of the copy of vectors
    static constexpr int kCopy = (Rows + R - 1) * kPitch * kPixel;
    static constexpr int kChannel = R * S * KV * kLanes;  // floats of the accumulators of a scanned channel

    static_assert(Rows % 4 == 0, "a mask word holds 4 rows");
    static_assert(R * S * KV + 1 <= sparsetrain::schedules::kZmmRegisters,
                  "accumulators exceed the registers");
    static_assert((kCopy + Rows * kPitch * kLanes) * 4 <= sparsetrain::schedules::kL1Bytes,
                  "a tile exceeds L1");

    struct Images {
        halide_buffer_t *scanned, *vectors;
        int pad_top, pad_left;
    };

    // Which part of an image a tile covers, in scanned pixels: the same of each of `images` neighbouring
    // ones, which lie half a pitch apart. Images of 7 columns would waste half of a tile.
    struct Tile {
        int n, images, y, x, rows, columns;
    };
    static constexpr int kImageColumns = kPitch / 2;

    // The tiles of some images, as equal as they can be, so that no narrow one is left over.
    struct Tiling {
        int first_image, end_image, height, width, images, rows, columns, across, per_image, count;

        Tiling(const Images& tensors, int first, int end)
            : first_image(first),
              end_image(end),
              height(tensors.scanned->dim[2].extent),
              width(tensors.scanned->dim[1].extent),
              images(two_fit(tensors, width) ? 2 : 1),
              rows(even_size(height, Rows)),
              columns(even_size(width, kTileColumns)),
              across(pieces(width, columns)),
              per_image(pieces(height, rows) * across),
              count(pieces(end - first, images) * per_image) {}

        Tile operator[](int i) const {
            const int n = first_image + i / per_image * images, in_image = i % per_image;
            const int y = in_image / across * rows, x = in_image % across * columns;
            return {n, min_of(images, end_image - n), y,
                    x, min_of(rows, height - y),      min_of(columns, width - x)};
        }

        // Whether two images and their neighbours fit into a pitch, where the last columns of one may be the
        // first of the other (or, of the other, of the next row) if both are padding.
        static bool two_fit(const Images& tensors, int width) {
            const int shared = width + S - 1 - kImageColumns;
            const int end = tensors.pad_left + tensors.vectors->dim[1].extent;
            return width <= kImageColumns && shared <= (end <= kImageColumns ? tensors.pad_left : 0);
        }
        static int pieces(int length, int size) { return (length + size - 1) / size; }
        static int even_size(int length, int limit) { return pieces(length, pieces(length, limit)); }
    };

    // The vectors around a tile: copy row j, column i is pixel (y + j, x + i).
    struct Neighbourhood {
        const halide_buffer_t* from;
        int n, y, x, rows, columns;

        Neighbourhood(const Images& images, const Tile& tile, int image)
            : from(images.vectors),
              n(tile.n + image),
              y(tile.y - images.pad_top),
              x(tile.x - images.pad_left),
              rows(tile.rows + R - 1),
              columns(tile.columns + S - 1) {}

        // The pixels of copy row j in a channel block, of which those from begin() to end() exist; null if
        // none does.
        const float* row(int j, int block) const {
            const bool exists = y + j >= 0 && y + j < from->dim[2].extent && block < from->dim[3].extent;
            return exists ? element<const float>(from, 0, 0, y + j, block, n) + ptrdiff_t{x} * kLanes
                          : nullptr;
        }
        int begin() const { return max_of(0, -x); }
        int end() const { return min_of(columns, from->dim[1].extent - x); }
    };

    static void copy_row(const float* row, int begin, int end, int columns, float* to) {
        if (row == nullptr) begin = end = columns;
        for (int i = 0; i < begin; ++i) _mm512_store_ps(to + i * kPixel, _mm512_setzero_ps());
        for (int i = begin; i < end; ++i) _mm512_store_ps(to + i * kPixel, _mm512_load_ps(row + i * kLanes));
        for (int i = max_of(begin, end); i < columns; ++i)
            _mm512_store_ps(to + i * kPixel, _mm512_setzero_ps());
    }

    // One bit per lane and pixel, lanes[16 * row + column], to one bit per pixel and channel: bit i of word w
    // of a channel is pixel (4w + i / 16, i % 16).
    static void transpose_lanes(const uint16_t* lanes, uint64_t* words) {
        // 32 pixels at a time: the top bits of all 16-bit lanes are channel 15's, and a shift brings up the
        // next.
        for (int w = 0; w < kWords; ++w) {
            __m512i low = _mm512_load_si512(lanes + w * 64), high = _mm512_load_si512(lanes + w * 64 + 32);
            for (int c = kLanes - 1; c >= 0; --c) {
                words[c * kWords + w] = static_cast<uint64_t>(_mm512_movepi16_mask(high)) << 32 |
                                        static_cast<uint64_t>(_mm512_movepi16_mask(low));
                low = _mm512_slli_epi16(low, 1);
                high = _mm512_slli_epi16(high, 1);
            }
        }
    }

    // Tiles are prepared in strips, row by row: the short rows of a single tile come slowly from memory, and
    // where few channels share them, waiting took as long as all FMAs.
    static constexpr int kStripTiles = 4;
    struct Strip {
        int tiles;
        Tile tile[kStripTiles];

        Strip(const Tiling& tiling, int first, int end) : tiles(min_of(kStripTiles, end - first)) {
            for (int i = 0; i < tiles; ++i) tile[i] = tiling[first + i];
        }
    };

    // Occupancy of a strip in one channel block, `stride` words from tile to tile.
    static void transpose_strip(const Images& images, int block, const Strip& strip, uint64_t* words,
                                ptrdiff_t stride) {
        alignas(64) uint16_t lanes[kStripTiles][Rows * kPitch] = {};
        for (int j = 0; j < Rows; ++j) {
            for (int i = 0; i < strip.tiles; ++i) {
                const Tile& tile = strip.tile[i];
                if (j >= tile.rows) continue;
                for (int m = 0; m < tile.images; ++m) {
                    const float* row =
                        element<const float>(images.scanned, 0, tile.x, tile.y + j, block, tile.n + m);
                    uint16_t* to = lanes[i] + j * kPitch + m * kImageColumns;
                    for (int x = 0; x < tile.columns; ++x)
                        to[x] = _mm512_cmp_ps_mask(_mm512_load_ps(row + x * kLanes), _mm512_setzero_ps(),
                                                   _CMP_NEQ_UQ);
                }
            }
        }
        for (int i = 0; i < strip.tiles; ++i) transpose_lanes(lanes[i], words + i * stride);
    }

    static void copy_strip(const Images& images, int first_block, const Strip& strip, float* copies) {
        for (int v = 0; v < KV; ++v) {
            for (int j = 0; j < Rows + R - 1; ++j) {
                float* to = copies + j * kPitch * kPixel + v * kLanes;
                for (int i = 0; i < strip.tiles; ++i, to += kCopy) {
                    for (int m = 0; m < strip.tile[i].images; ++m) {
                        const Neighbourhood around(images, strip.tile[i], m);
                        if (j >= around.rows) continue;
                        copy_row(around.row(j, first_block + v), around.begin(), around.end(), around.columns,
                                 to + m * kImageColumns * kPixel);
                    }
                }
            }
        }
    }

    // One scanned channel over one tile; `values` starts with the channel's value at the tile's first pixel.
    // Never inlined: among its callers' variables the inner loop would run out of integer registers, at a
    // cost of 20 %.
    template <int TileImages>
    __attribute__((noinline)) static void scan(const uint64_t* words, const float* values,
                                               ptrdiff_t row_stride, ptrdiff_t image_stride,
                                               const float* copy, float* sums) {
        __m512 acc[R * S * KV];  // [R][S][KV]
        unroll<R * S * KV>([&](auto i) { acc[i] = _mm512_load_ps(sums + i * kLanes); });
        // A pixel's row in its tensor is not at pitch 16. Arithmetic finds it: a table look-up in front of
        // the broadcast costs 20 %.
        const ptrdiff_t skipped = row_stride - kPitch * kLanes;
        const ptrdiff_t image_skipped = image_stride - kImageColumns * kLanes;
        for (int w = 0; w < kWords; ++w) {
            for (uint64_t word = words[w]; word != 0; word &= word - 1) {
                const ptrdiff_t bit = __builtin_ctzll(word);
                ptrdiff_t offset = bit * kLanes + bit / kPitch * skipped;
                if constexpr (TileImages == 2) offset += bit / kImageColumns % 2 * image_skipped;
                const __m512 value = broadcast(values + offset);
                const float* pixel = copy + bit * kPixel;
                asm("" : "+r"(pixel));  // one base register: indexed operands of FMAs cost 8 %
                unroll<R * S * KV>([&](auto i) {
                    constexpr int r = i / (S * KV), s = i / KV % S, v = i % KV;
                    constexpr int tap = (r * kPitch + s) * kPixel + v * kLanes;
                    acc[i] = _mm512_fmadd_ps(value, _mm512_load_ps(pixel + tap), acc[i]);
                });
            }
            values += 4 * row_stride;
            copy += 4 * kPitch * kPixel;
        }
        unroll<R * S * KV>([&](auto i) { _mm512_store_ps(sums + i * kLanes, acc[i]); });
    }

    // A part of the work: some tiles, of all scanned channels or (of very deep tensors) some channel blocks,
    // whose occupancy is transposed once and serves all chunks. Every chunk scans the tiles, so about half of
    // L2 should hold them; every tile adds to the sums of a chunk, so they should fit the other half, and
    // runs go on from image to image: else the sums of deep tensors with small images would be fetched for a
    // tile or two.
    static constexpr int kBlockWords = kLanes * kWords;
    static constexpr int kL2Bytes = 1024 * 1024;
    static constexpr int kRunBlocks = kL2Bytes / 2 / (Rows * kTileColumns * kLanes * 4);
    static constexpr int kMostBlocks = 32;
    struct Run {
        int first_tile, end_tile, first_block, blocks;
    };
    static int tiles_of_run(int blocks) { return max_of(kRunBlocks / blocks / kStripTiles, 1) * kStripTiles; }

    static void transpose_run(const Images& images, const Tiling& tiling, const Run& run, uint64_t* words) {
        for (int b = 0; b < run.blocks; ++b) {
            for (int i = run.first_tile; i < run.end_tile; i += kStripTiles) {
                transpose_strip(images, run.first_block + b, Strip(tiling, i, run.end_tile),
                                words + ((i - run.first_tile) * run.blocks + b) * kBlockWords,
                                run.blocks * kBlockWords);
            }
        }
    }

    static void scan_tile(const Images& images, const Run& run, const Tile& tile, const uint64_t* words,
                          const float* copy, float* sums) {
        const ptrdiff_t row_stride = images.scanned->dim[2].stride,
                        image_stride = images.scanned->dim[4].stride;
        for (int b = run.first_block; b < run.first_block + run.blocks; ++b) {
            const float* values = element<const float>(images.scanned, 0, tile.x, tile.y, b, tile.n);
            for (int c = 0; c < kLanes; ++c, words += kWords, sums += kChannel) {
                if (tile.images == 2) {
                    scan<2>(words, values + c, row_stride, image_stride, copy, sums);
                } else {
                    scan<1>(words, values + c, row_stride, image_stride, copy, sums);
                }
            }
        }
    }

    // A run into one chunk.
    static void scan_run(const Images& images, const Tiling& tiling, const Run& run, const uint64_t* words,
                         int chunk, float* sums) {
        alignas(64) float copies[kStripTiles * kCopy + (S - 1) * kPixel];  // the last may end in a next row
        for (int first = run.first_tile; first < run.end_tile; first += kStripTiles) {
            const Strip strip(tiling, first, run.end_tile);
            copy_strip(images, chunk * KV, strip, copies);
            for (int i = 0; i < strip.tiles; ++i, words += run.blocks * kBlockWords) {
                scan_tile(images, run, strip.tile[i], words, copies + i * kCopy, sums);
            }
        }
    }

    static constexpr int kElement = kLanes * kChannel;  // floats of the sums of a channel block and chunk

    // Exchanges the scanned and the vector lanes of sums that are complete.
    static void exchange_lanes(float* sums, int blocks) {
        for (int b = 0; b < blocks; ++b, sums += kElement) {
            for (int i = 0; i < R * S * KV; ++i) transpose_square(sums + i * kLanes, kChannel);
        }
    }

    // Sums some images. What has to be done once to the sums of a chunk is done while they are in L2.
    static void sum_images(const Images& images, int first_image, int end_image, bool exchange,
                           halide_buffer_t* sums, int part) {
        const halide_dimension_t blocks = sums->dim[1], chunks = sums->dim[2];
        const Tiling tiling(images, first_image, end_image);
        const int group = min_of(blocks.extent, kMostBlocks), tiles = tiles_of_run(group);
        alignas(64) uint64_t words[(kRunBlocks + kMostBlocks * kStripTiles) * kBlockWords];
        for (int block = blocks.min; block < blocks.min + blocks.extent; block += group) {
            for (int first = 0; first < tiling.count; first += tiles) {
                const Run run = {first, min_of(tiling.count, first + tiles), block,
                                 min_of(group, blocks.min + blocks.extent - block)};
                transpose_run(images, tiling, run, words);
                for (int chunk = chunks.min; chunk < chunks.min + chunks.extent; ++chunk) {
                    float* to = element<float>(sums, 0, block, chunk, part);
                    if (first == 0)
                        __builtin_memset(to, 0, sizeof(float) * kElement * static_cast<size_t>(run.blocks));
                    scan_run(images, tiling, run, words, chunk, to);
                    if (exchange && run.end_tile == tiling.count) exchange_lanes(to, run.blocks);
                }
            }
        }
    }

    // Halide stage: scanned, vectors (lane, x, y, channel block, n) -> sums (element, scanned block, chunk of
    // KV vector blocks, part), element = [16 scanned lanes][R][S][KV][16 vector lanes], or with `exchange`,
    // [16 vector lanes][R][S][KV][16 scanned lanes]. Part p sums images p * images_per_part and on, in order.
    static int run(halide_buffer_t* scanned, halide_buffer_t* vectors, int scanned_h, int scanned_w,
                   int vectors_h, int vectors_w, int batch, int vector_blocks, int images_per_part,
                   int pad_top, int pad_left, int exchange, halide_buffer_t* sums) {
        const halide_dimension_t blocks = sums->dim[1], parts = sums->dim[3];
        if (is_query(scanned) || is_query(vectors) || is_query(sums)) {
            require_images(scanned, scanned_w, scanned_h, blocks.min, blocks.extent, batch);
            require_images(vectors, vectors_w, vectors_h, 0, vector_blocks, batch);
            return 0;
        }
        const Images images = {scanned, vectors, pad_top, pad_left};
        for (int part = parts.min; part < parts.min + parts.extent; ++part) {
            const int end = min_of(batch, (part + 1) * images_per_part);
            sum_images(images, part * images_per_part, end, exchange != 0, sums, part);
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
