// bwd_weights by zero_skip: one of src and diff_dst is `scanned`, the other gives `vectors`. For one scanned
// channel the accumulators of taps by KV vectors of the other's channels stay in registers while the
// channel's occupancy, transposed to one bit per pixel, is scanned; each nonzero is broadcast once and
// multiplied with the vectors around it.
//
// The work is cut into parts of the filter whose scanned pixels all meet the same taps (FilterPart): the
// whole filter at stride 1; at stride 2, if src is scanned, one part for each parity of a pixel's padded
// coordinates. Of a part, scanned pixel (y, x) meets a window of kRows x kColumns vectors from (kVectorStep *
// y - top, kVectorStep * x - left) on.
//
// A part is cut into tiles of Rows x kTileColumns scanned pixels. A tile of vectors is copied, with its
// neighbours and zeros where they are padding, to a compact square of pitch 16, so that bit i of a mask word
// is at a constant stride from bit 0 and every tap at a constant offset: one pointer serves all FMAs. It
// stays in L1 while all scanned channels pass.
#pragma once

#include "runtime/stages/stage.h"
#include "runtime/stages/transpose.h"
#include "schedules/rows.h"

namespace {

constexpr int kMaskPitch = 16;  // scanned pixels of a tile row in mask words, each of which holds 4 rows

// One direction of a part of the filter, of `Size` taps at `Stride`. At stride 2 a pixel of src meets the
// taps of its parity only: a scan of src takes pixels `Parity`, `Parity` + 2, ... (counted from the padding),
// which see every vector in turn; a scan of diff_dst takes every pixel, which see every other vector.
template <bool ScansSrc, int Size, int Stride, int Parity>
struct FilterAxis {
    static constexpr int kTaps = ScansSrc ? (Size - Parity + Stride - 1) / Stride : Size;
    static constexpr int kScannedStep = ScansSrc ? Stride : 1;
    // Vectors from one scanned pixel to the next; windows of one vector leave out those between.
    static constexpr int kVectorStep = ScansSrc ? 1 : Stride;
    static constexpr int kCopiedStep = kTaps == 1 ? kVectorStep : 1;
    static constexpr int kCopyStep = kVectorStep / kCopiedStep;

    // The filter's tap at place i of a window.
    static constexpr int tap(int i) { return ScansSrc ? Parity + Stride * (kTaps - 1 - i) : i; }

    // Of scanned pixels: the first one's place in its tensor, how many there are in `length`, and how far the
    // window of the first one reaches before the first vector.
    static int first(int padding) { return ScansSrc ? (Parity + padding * (Stride - 1)) % Stride : 0; }
    static int count(int padding, int length) {
        return (length - first(padding) + kScannedStep - 1) / kScannedStep;
    }
    static int reach(int padding) {
        return ScansSrc ? kTaps - 1 - (first(padding) + padding - Parity) / Stride : padding;
    }
};

// A part of the filter of a class; TapRows, KV, Rows: those of the PixelScanRow. ParityY, ParityX: see
// FilterAxis.
template <bool ScansSrc, int R, int S, int Stride, int TapRows, int KV, int Rows, int ParityY, int ParityX>
struct FilterPart {
    using Y = FilterAxis<ScansSrc, R, Stride, ParityY>;
    using X = FilterAxis<ScansSrc, S, Stride, ParityX>;
    static constexpr bool kHasTaps = Y::kTaps > 0 && X::kTaps > 0;

    static constexpr int kWords = Rows / 4;                   // mask words per channel
    static constexpr int kPixel = KV * kLanes;                // floats of a pixel of the copy of vectors
    static constexpr int kPitch = kMaskPitch * X::kCopyStep;  // pixels of a row of that copy
    static constexpr int kTileColumns = (kPitch - X::kTaps) / X::kCopyStep + 1;  // of scanned pixels
    static constexpr int kCopyRows = (Rows - 1) * Y::kCopyStep + Y::kTaps;
    static constexpr int kCopy = kCopyRows * kPitch * kPixel;
    static constexpr int kChannel = R * S * KV * kLanes;  // floats of the sums of a scanned channel
    static constexpr int kElement = kLanes * kChannel;    // floats of the sums of a channel block and chunk

    static_assert(Rows % 4 == 0, "a mask word holds 4 rows");
    static_assert(Stride > 1 || kCopy * 4 <= sparsetrain::schedules::kL1Bytes, "a tile exceeds L1");

    // Which pixels of the images are scanned, and where the window of the first of them begins.
    struct Images {
        const halide_buffer_t *scanned, *vectors;
        int first_y, first_x, height, width, top, left;

        Images(const halide_buffer_t* scanned_buffer, const halide_buffer_t* vectors_buffer, int pad_top,
               int pad_left)
            : scanned(scanned_buffer),
              vectors(vectors_buffer),
              first_y(Y::first(pad_top)),
              first_x(X::first(pad_left)),
              height(Y::count(pad_top, scanned_buffer->dim[2].extent)),
              width(X::count(pad_left, scanned_buffer->dim[1].extent)),
              top(Y::reach(pad_top)),
              left(X::reach(pad_left)) {}

        const float* scanned_pixel(int x, int y, int block, int n) const {
            return element<const float>(scanned, 0, first_x + x * X::kScannedStep,
                                        first_y + y * Y::kScannedStep, block, n);
        }
    };

    // Which part of an image a tile covers, in scanned pixels: the same of each of `images` neighbouring
    // ones, which lie half a pitch apart. Images of 7 columns would waste half of a tile.
    struct Tile {
        int n, images, y, x, rows, columns;
    };
    static constexpr int kImageColumns = kMaskPitch / 2;

    // The tiles of some images, as equal as they can be, so that no narrow one is left over.
    struct Tiling {
        int first_image, end_image, height, width, images, rows, columns, across, per_image, count;

        Tiling(const Images& tensors, int first, int end)
            : first_image(first),
              end_image(end),
              height(tensors.height),
              width(tensors.width),
              images(two_fit(tensors) ? 2 : 1),
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
        static bool two_fit(const Images& tensors) {
            const int shared = tensors.width + X::kTaps - 1 - kImageColumns;
            const int end = tensors.left + tensors.vectors->dim[1].extent;
            return X::kCopyStep == 1 && tensors.width <= kImageColumns &&
                   shared <= (end <= kImageColumns ? tensors.left : 0);
        }
        static int pieces(int length, int size) { return (length + size - 1) / size; }
        // At least 1, also of nothing.
        static int even_size(int length, int limit) {
            return max_of(pieces(length, max_of(pieces(length, limit), 1)), 1);
        }
    };

    // The vectors around a tile: copy row j, column i is pixel (y + j * Y::kCopiedStep, x + i *
    // X::kCopiedStep).
    struct Neighbourhood {
        const halide_buffer_t* from;
        int n, y, x, rows, columns;

        Neighbourhood(const Images& images, const Tile& tile, int image)
            : from(images.vectors),
              n(tile.n + image),
              y(tile.y * Y::kVectorStep - images.top),
              x(tile.x * X::kVectorStep - images.left),
              rows((tile.rows - 1) * Y::kCopyStep + Y::kTaps),
              columns((tile.columns - 1) * X::kCopyStep + X::kTaps) {}

        // The pixels of copy row j in a channel block, of which those from begin() to end() exist; null if
        // none does.
        const float* row(int j, int block) const {
            const int from_y = y + j * Y::kCopiedStep;
            const bool exists = from_y >= 0 && from_y < from->dim[2].extent && block < from->dim[3].extent;
            return exists ? element<const float>(from, 0, 0, from_y, block, n) + ptrdiff_t{x} * kLanes
                          : nullptr;
        }
        int begin() const { return Tiling::pieces(max_of(0, -x), X::kCopiedStep); }
        int end() const {
            return min_of(columns, Tiling::pieces(max_of(0, from->dim[1].extent - x), X::kCopiedStep));
        }
    };

    static void copy_row(const float* row, int begin, int end, int columns, float* to) {
        if (row == nullptr) begin = end = columns;
        for (int i = 0; i < min_of(begin, columns); ++i) store(to + i * kPixel, zero());
        for (int i = begin; i < end; ++i) store(to + i * kPixel, load(row + i * X::kCopiedStep * kLanes));
        for (int i = max_of(begin, end); i < columns; ++i) store(to + i * kPixel, zero());
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

    // Occupancy of a strip in one channel block, `stride` words from tile to tile: bit i of word w of a
    // channel is pixel (4w + i / 16, i % 16) of its tile.
    static void transpose_strip(const Images& images, int block, const Strip& strip, uint64_t* words,
                                ptrdiff_t stride) {
        alignas(64) uint16_t lanes[kStripTiles][Rows * kMaskPitch] = {};
        for (int j = 0; j < Rows; ++j) {
            for (int i = 0; i < strip.tiles; ++i) {
                const Tile& tile = strip.tile[i];
                if (j >= tile.rows) continue;
                for (int m = 0; m < tile.images; ++m) {
                    const float* row = images.scanned_pixel(tile.x, tile.y + j, block, tile.n + m);
                    uint16_t* to = lanes[i] + j * kMaskPitch + m * kImageColumns;
                    for (int x = 0; x < tile.columns; ++x)
                        to[x] =
                            static_cast<uint16_t>(nonzero_lanes(load(row + x * X::kScannedStep * kLanes)));
                }
            }
        }
        for (int i = 0; i < strip.tiles; ++i)
            for (int w = 0; w < kWords; ++w)
                transpose_bits(lanes[i] + w * 4 * kMaskPitch, words + i * stride + w, kWords);
    }

    static void copy_strip(const Images& images, int first_block, const Strip& strip, float* copies) {
        for (int v = 0; v < KV; ++v) {
            for (int j = 0; j < kCopyRows; ++j) {
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

    // One scanned channel over one tile and `TapCount` rows of taps; `values` starts with the channel's value
    // at the tile's first pixel, and strides are those of scanned pixels. Never inlined: among its callers'
    // variables the inner loop would run out of integer registers, at a cost of 20 %.
    template <int TileImages, int FirstTapRow, int TapCount>
    __attribute__((noinline)) static void scan(const uint64_t* words, const float* values,
                                               ptrdiff_t row_stride, ptrdiff_t image_stride,
                                               const float* copy, float* sums) {
        constexpr int taps = TapCount * X::kTaps;
        const auto sum_of = [](auto i) {
            constexpr int r = Y::tap(FirstTapRow + i / (X::kTaps * KV)), s = X::tap(i / KV % X::kTaps);
            return Index<((r * S + s) * KV + i % KV) * kLanes>{};
        };
        Vec acc[taps * KV];  // [TapCount][taps of a row][KV]
        unroll<taps * KV>([&](auto i) { acc[i] = load(sums + sum_of(i)); });
        // A pixel's row in its tensor is not at pitch 16. Arithmetic finds it: a table look-up in front of
        // the broadcast costs 20 %.
        constexpr ptrdiff_t step = X::kScannedStep * kLanes;
        const ptrdiff_t skipped = row_stride - kMaskPitch * step;
        const ptrdiff_t image_skipped = image_stride - kImageColumns * step;
        copy += FirstTapRow * kPitch * kPixel;
        for (int w = 0; w < kWords; ++w) {
            for (uint64_t word = words[w]; word != 0; word &= word - 1) {
                const ptrdiff_t bit = __builtin_ctzll(word);
                ptrdiff_t offset = bit * step + bit / kMaskPitch * skipped;
                if constexpr (TileImages == 2) offset += bit / kImageColumns % 2 * image_skipped;
                const Broadcast value = broadcast(values + offset);
                const float* pixel = copy + bit * X::kCopyStep * kPixel;
                if constexpr (Y::kCopyStep > 1)
                    pixel += bit / kMaskPitch * (Y::kCopyStep - 1) * kPitch * kPixel;
                asm("" : "+r"(pixel));  // one base register: indexed operands of FMAs cost 8 %
                unroll<taps * KV>([&](auto i) {
                    constexpr int r = i / (X::kTaps * KV), s = i / KV % X::kTaps, v = i % KV;
                    constexpr int tap = (r * kPitch + s) * kPixel + v * kLanes;
                    acc[i] = multiply_add(value, load(pixel + tap), acc[i]);
                });
            }
            values += 4 * row_stride;
            copy += 4 * Y::kCopyStep * kPitch * kPixel;
        }
        unroll<taps * KV>([&](auto i) { store(sums + sum_of(i), acc[i]); });
    }

    // The same over all rows of taps, TapRows at a time.
    template <int TileImages, int FirstTapRow = 0>
    SPARSETRAIN_ALWAYS_INLINE static void scan_taps(const uint64_t* words, const float* values,
                                                    ptrdiff_t row_stride, ptrdiff_t image_stride,
                                                    const float* copy, float* sums) {
        constexpr int count = Y::kTaps - FirstTapRow < TapRows ? Y::kTaps - FirstTapRow : TapRows;
        static_assert(count * X::kTaps * KV * kVecRegisters + 1 <= kRegisters,
                      "accumulators exceed the registers");
        scan<TileImages, FirstTapRow, count>(words, values, row_stride, image_stride, copy, sums);
        if constexpr (FirstTapRow + count < Y::kTaps)
            scan_taps<TileImages, FirstTapRow + count>(words, values, row_stride, image_stride, copy, sums);
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
        const ptrdiff_t row_stride = ptrdiff_t{images.scanned->dim[2].stride} * Y::kScannedStep,
                        image_stride = images.scanned->dim[4].stride;
        for (int b = run.first_block; b < run.first_block + run.blocks; ++b) {
            const float* values = images.scanned_pixel(tile.x, tile.y, b, tile.n);
            for (int c = 0; c < kLanes; ++c, words += kWords, sums += kChannel) {
                if (tile.images == 2) {
                    scan_taps<2>(words, values + c, row_stride, image_stride, copy, sums);
                } else {
                    scan_taps<1>(words, values + c, row_stride, image_stride, copy, sums);
                }
            }
        }
    }

    // A run into one chunk.
    static void scan_run(const Images& images, const Tiling& tiling, const Run& run, const uint64_t* words,
                         int chunk, float* sums) {
        // The last row's window may end in a next row.
        alignas(64) float copies[kStripTiles * kCopy + (X::kTaps - 1) * kPixel];
        for (int first = run.first_tile; first < run.end_tile; first += kStripTiles) {
            const Strip strip(tiling, first, run.end_tile);
            copy_strip(images, chunk * KV, strip, copies);
            for (int i = 0; i < strip.tiles; ++i, words += run.blocks * kBlockWords) {
                scan_tile(images, run, strip.tile[i], words, copies + i * kCopy, sums);
            }
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

    // Adds some images to the sums of scanned channel blocks `block` and on.
    static void add_images(const Images& images, const Tiling& tiling, int block, int blocks, Duties duties,
                           halide_buffer_t* sums, int part) {
        const halide_dimension_t chunks = sums->dim[2];
        const int tiles = tiles_of_run(blocks);
        alignas(64) uint64_t words[(kRunBlocks + kMostBlocks * kStripTiles) * kBlockWords];
        for (int first = 0; first < tiling.count; first += tiles) {
            const Run run = {first, min_of(tiling.count, first + tiles), block, blocks};
            transpose_run(images, tiling, run, words);
            for (int chunk = chunks.min; chunk < chunks.min + chunks.extent; ++chunk) {
                float* to = element<float>(sums, 0, block, chunk, part);
                if (duties.clear && first == 0)
                    __builtin_memset(to, 0, sizeof(float) * kElement * static_cast<size_t>(blocks));
                scan_run(images, tiling, run, words, chunk, to);
                if (duties.exchange && run.end_tile == tiling.count) exchange_lanes(to, blocks);
            }
        }
    }
};

// bwd_weights of a class.
template <bool ScansSrc, int R, int S, int Stride, int TapRows, int KV, int Rows>
struct PixelScan {
    static constexpr int kParities = ScansSrc ? Stride : 1;
    template <int Y, int X>
    using Part = FilterPart<ScansSrc, R, S, Stride, TapRows, KV, Rows, Y, X>;

    struct Work {
        halide_buffer_t *scanned, *vectors, *sums;
        int pad_top, pad_left, first_image, end_image, part;
    };

    // Calls body(part, images, tiling) for each part of the filter that has taps and pixels.
    template <typename Body>
    SPARSETRAIN_ALWAYS_INLINE static void for_each_part(const Work& work, const Body& body) {
        unroll<kParities * kParities>([&](auto i) {
            using FilterPart = Part<i / kParities, i % kParities>;
            if constexpr (FilterPart::kHasTaps) {
                const typename FilterPart::Images images(work.scanned, work.vectors, work.pad_top,
                                                         work.pad_left);
                const typename FilterPart::Tiling tiling(images, work.first_image, work.end_image);
                if (tiling.count > 0) body(FilterPart{}, images, tiling);
            }
        });
    }

    static void sum_images(const Work& work, bool exchange) {
        const halide_dimension_t blocks = work.sums->dim[1];
        int parts = 0;
        for_each_part(work, [&](const auto&, const auto&, const auto&) { ++parts; });
        constexpr int most = Part<0, 0>::kMostBlocks;
        for (int block = blocks.min; block < blocks.min + blocks.extent; block += most) {
            const int count = min_of(most, blocks.min + blocks.extent - block);
            int turn = 0;
            for_each_part(work, [&](const auto& part, const auto& images, const auto& tiling) {
                const bool first = turn == 0, last = ++turn == parts;
                part.add_images(images, tiling, block, count, {first, exchange && last}, work.sums,
                                work.part);
            });
        }
    }

    // Halide stage: scanned, vectors (lane, x, y, channel block, n) -> sums (element, scanned block, chunk of
    // KV vector blocks, part), element = [16 scanned lanes][R][S][KV][16 vector lanes], or with `exchange`,
    // [16 vector lanes][R][S][KV][16 scanned lanes]. Part p sums images p * images_per_part and on, in order.
    // The padding is src's.
    static int run(halide_buffer_t* scanned, halide_buffer_t* vectors, int scanned_h, int scanned_w,
                   int vectors_h, int vectors_w, int batch, int vector_blocks, int images_per_part,
                   int pad_top, int pad_left, halide_buffer_t* sums) {
        const halide_dimension_t blocks = sums->dim[1], parts = sums->dim[3];
        if (is_query(scanned) || is_query(vectors) || is_query(sums)) {
            require_images(scanned, scanned_w, scanned_h, blocks.min, blocks.extent, batch);
            require_images(vectors, vectors_w, vectors_h, 0, vector_blocks, batch);
            return 0;
        }
        for (int part = parts.min; part < parts.min + parts.extent; ++part) {
            const int first = part * images_per_part, end = min_of(batch, first + images_per_part);
            sum_images({scanned, vectors, sums, pad_top, pad_left, first, end, part}, !ScansSrc);
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
