// Tiles of scanned pixels that meet windows of vectors, of filters larger than 1x1.
//
// A tile is cut from the rows and columns of an image. Its vectors are copied, with their neighbours and
// zeros where they are padding, to a compact square whose pitch is 16 scanned pixels, so that every slot of a
// tile is at a constant stride from the one before and every tap of its window at a constant offset.
#pragma once

#include "runtime/stages/zero_skip/filter_axis.h"

namespace {

constexpr int kTilePitch = 16;  // slots of a row of a tile

template <typename Y, typename X, int Rows>
struct WindowTiles {
    static constexpr int kSlots = Rows * kTilePitch;
    static constexpr int kPitch = kTilePitch * X::kCopyStep;  // pixels of a row of the copy
    static constexpr int kTileColumns = (kPitch - X::kTaps) / X::kCopyStep + 1;
    // Tiles are prepared in strips, row by row: the short rows of a single tile come slowly from memory, and
    // where few channels share them, waiting took as long as all FMAs.
    static constexpr int kStripTiles = 4;
    static constexpr int kScannedLines = Rows;
    static constexpr int kCopyLines = (Rows - 1) * Y::kCopyStep + Y::kTaps;
    static constexpr int kCopyPixels =
        kCopyLines * kPitch + X::kTaps - 1;  // the last window ends in a next row

    // The copy's pixel at which the window of a slot begins, and that of a tap in a window.
    SPARSETRAIN_ALWAYS_INLINE static ptrdiff_t window(ptrdiff_t slot) {
        ptrdiff_t pixel = slot * X::kCopyStep;
        if constexpr (Y::kCopyStep > 1) pixel += slot / kTilePitch * ((Y::kCopyStep - 1) * kPitch);
        return pixel;
    }
    static constexpr int in_window(int r, int s) { return r * kPitch + s; }

    // Which part of an image a tile covers, in scanned pixels: the same of each of `images` neighbouring
    // ones, which lie half a pitch apart. Images of 7 columns would waste half of a tile.
    struct Tile {
        int n, images, y, x, rows, columns;
    };
    static constexpr int kImageColumns = kTilePitch / 2;
    static int slots(const Tile& tile) { return tile.rows * kTilePitch; }

    // The tiles of some images, as equal as they can be, so that no narrow one is left over.
    struct Tiling {
        ScannedImages<Y, X> tensors;
        int first_image, end_image, images, rows, columns, across, per_image, count;

        Tiling(const ScannedImages<Y, X>& of, int first, int end)
            : tensors(of),
              first_image(first),
              end_image(end),
              images(two_fit(of) ? 2 : 1),
              rows(even_size(of.height, Rows)),
              columns(even_size(of.width, kTileColumns)),
              across(pieces(of.width, columns)),
              per_image(pieces(of.height, rows) * across),
              count(pieces(end - first, images) * per_image) {}

        Tile operator[](int i) const {
            const int n = first_image + i / per_image * images, in_image = i % per_image;
            const int y = in_image / across * rows, x = in_image % across * columns;
            return {n, min_of(images, end_image - n),    y,
                    x, min_of(rows, tensors.height - y), min_of(columns, tensors.width - x)};
        }

        // Whether two images and their neighbours fit into a pitch, where the last columns of one may be the
        // first of the other (or, of the other, of the next row) if both are padding.
        static bool two_fit(const ScannedImages<Y, X>& of) {
            const int shared = of.width + X::kTaps - 1 - kImageColumns;
            const int end = of.left + of.vectors->dim[1].extent;
            return X::kCopyStep == 1 && of.width <= kImageColumns &&
                   shared <= (end <= kImageColumns ? of.left : 0);
        }

        // Floats from one block of scanned channels to the next.
        ptrdiff_t scanned_block() const { return tensors.scanned->dim[3].stride; }

        // Scanned pixels are not at a constant stride.
        const float* in_place(const Tile&, int) const { return nullptr; }

        // Calls body(slot, pixel, count) for the runs of scanned pixels in a line of a tile.
        template <typename Body>
        SPARSETRAIN_ALWAYS_INLINE void for_each_run(const Tile& tile, int line, int block,
                                                    const Body& body) const {
            if (line >= tile.rows) return;
            for (int m = 0; m < tile.images; ++m) {
                body(line * kTilePitch + m * kImageColumns,
                     element<const float>(tensors.scanned, 0, tensors.first_x + tile.x * X::kScannedStep,
                                          tensors.first_y + (tile.y + line) * Y::kScannedStep, block,
                                          tile.n + m),
                     tile.columns);
            }
        }

        // Line `line` of the copy: pixel i of it is, of the images' vectors, (x + i * X::kCopiedStep).
        template <int Pixel>
        void copy_line(const Tile& tile, int line, int block, float* copy) const {
            if (line >= (tile.rows - 1) * Y::kCopyStep + Y::kTaps) return;
            const halide_buffer_t* from = tensors.vectors;
            const int y = tile.y * Y::kVectorStep - tensors.top + line * Y::kCopiedStep;
            const int x = tile.x * X::kVectorStep - tensors.left;
            const int length = (tile.columns - 1) * X::kCopyStep + X::kTaps;
            int begin = min_of(pieces(max_of(0, -x), X::kCopiedStep), length);
            int end = min_of(pieces(max_of(0, from->dim[1].extent - x), X::kCopiedStep), length);
            if (y < 0 || y >= from->dim[2].extent) begin = end = length;
            for (int m = 0; m < tile.images; ++m) {
                float* to = copy + (line * kPitch + m * kImageColumns) * Pixel;
                for (int i = 0; i < begin; ++i) store(to + i * Pixel, zero());
                if (begin < end) {
                    const float* row = element<const float>(from, 0, 0, y, block, tile.n + m);
                    for (int i = begin; i < end; ++i) {
                        const float* pixel = row + (x + i * X::kCopiedStep) * kLanes;
                        store(to + i * Pixel, load(pixel));
                        prefetch(pixel + from->dim[3].stride);  // the next block's
                    }
                }
                for (int i = max_of(begin, end); i < length; ++i) store(to + i * Pixel, zero());
            }
        }
    };
};

}  // namespace
