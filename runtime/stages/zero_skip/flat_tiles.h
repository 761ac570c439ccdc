// Tiles of scanned pixels that meet one vector each, of 1x1 filters: consecutive pixels, from row to row and,
// of small images, from image to image.
#pragma once

#include "runtime/stages/zero_skip/filter_axis.h"

namespace {

// Every Step-th pixel, in both directions, of a tensor's images: `width` to a row and `rows` rows, or, where
// they leave no gaps, a single row.
template <int Step>
struct PixelSequence {
    const halide_buffer_t* tensor;
    int width, rows;

    PixelSequence(const halide_buffer_t* of, int image_width, int image_height)
        : tensor(of), width(image_width), rows(image_height) {
        if (Step == 1 && of->dim[2].stride == width * kLanes) {
            width *= rows;
            rows = 1;
        }
    }

    // Calls body(i, pixel, count) for the runs, within a row, of `count` pixels from `first` on, the i-th of
    // which is the first of the run.
    template <typename Body>
    SPARSETRAIN_ALWAYS_INLINE void for_each_run(int first, int count, int block, const Body& body) const {
        int n = first / (rows * width), y = first / width % rows, x = first % width;
        for (int i = 0; i < count;) {
            const int run = min_of(count - i, width - x);
            body(i, element<const float>(tensor, 0, x * Step, y * Step, block, n), run);
            i += run;
            x = 0;
            if (++y == rows) y = 0, ++n;
        }
    }
};

template <typename Y, typename X, int Rows>
struct FlatTiles {
    static constexpr int kSlots = Rows * 16;
    static constexpr int kStripTiles = 1, kScannedLines = 1, kCopyLines = 1, kCopyPixels = kSlots;
    static_assert(Y::kTaps <= 1 && X::kTaps <= 1 && Y::kVectorStep == X::kVectorStep);

    SPARSETRAIN_ALWAYS_INLINE static ptrdiff_t window(ptrdiff_t slot) { return slot; }
    static constexpr int in_window(int, int) { return 0; }

    struct Tile {
        int first, pixels;
    };
    static int slots(const Tile& tile) { return tile.pixels; }

    // The tiles of some images. Of small ones, tiles go on from image to image; of others they end with it,
    // so that values can be taken from where they are.
    static constexpr int kSmallImage = 8 * kSlots;
    struct Tiling {
        PixelSequence<X::kScannedStep> scanned;
        PixelSequence<X::kVectorStep> vectors;
        int first, span, tile_pixels, per_span, count;

        Tiling(const ScannedImages<Y, X>& of, int first_image, int end_image)
            : scanned(of.scanned, of.width, of.height), vectors(of.vectors, of.width, of.height) {
            const int image = of.width * of.height, all = (end_image - first_image) * image;
            first = first_image * image;
            span = image < kSmallImage ? all : image;
            tile_pixels = even_size(span, kSlots);
            per_span = pieces(span, tile_pixels);
            count = all == 0 ? 0 : all / span * per_span;
        }

        Tile operator[](int i) const {
            const int in_span = i % per_span * tile_pixels;
            return {first + i / per_span * span + in_span, min_of(tile_pixels, span - in_span)};
        }

        // Floats from one block of scanned channels to the next.
        ptrdiff_t scanned_block() const { return scanned.tensor->dim[3].stride; }

        // The scanned pixels of a tile, if they are at a constant stride.
        const float* in_place(const Tile& tile, int block) const {
            const float* pixels = nullptr;
            if (X::kScannedStep == 1 && scanned.rows == 1 && span == scanned.width)
                scanned.for_each_run(tile.first, tile.pixels, block,
                                     [&](int, const float* pixel, int) { pixels = pixel; });
            return pixels;
        }

        template <typename Body>
        SPARSETRAIN_ALWAYS_INLINE void for_each_run(const Tile& tile, int, int block,
                                                    const Body& body) const {
            scanned.for_each_run(tile.first, tile.pixels, block, body);
        }

        template <int Pixel>
        void copy_line(const Tile& tile, int, int block, float* copy) const {
            vectors.for_each_run(tile.first, tile.pixels, block, [&](int i, const float* pixel, int length) {
                for (int p = 0; p < length; ++p) {
                    const float* from = pixel + p * X::kVectorStep * kLanes;
                    store(copy + (i + p) * Pixel, load(from));
                    prefetch(from + vectors.tensor->dim[3].stride);  // the next block's
                }
            });
        }
    };
};

}  // namespace
