// The parts of a filter whose scanned pixels all meet the same taps, one direction of them: all compile-time
// arithmetic but for the padding.
#pragma once

#include "runtime/stages/stage.h"

namespace {

// `Size` taps at `Stride`. At stride 2 a pixel of src meets the taps of its parity only: a scan of src takes
// pixels `Parity`, `Parity` + 2, ... (counted from the padding), which see every vector in turn; a scan of
// diff_dst takes every pixel, which see every other vector. Of the part, scanned pixel i meets a window of
// kTaps vectors from kVectorStep * i - reach() on.
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

// Which pixels of the images a part scans, and where the window of the first of them begins.
template <typename Y, typename X>
struct ScannedImages {
    const halide_buffer_t *scanned, *vectors;
    int first_y, first_x, height, width, top, left;

    ScannedImages(const halide_buffer_t* scanned_buffer, const halide_buffer_t* vectors_buffer, int pad_top,
                  int pad_left)
        : scanned(scanned_buffer),
          vectors(vectors_buffer),
          first_y(Y::first(pad_top)),
          first_x(X::first(pad_left)),
          height(Y::count(pad_top, scanned_buffer->dim[2].extent)),
          width(X::count(pad_left, scanned_buffer->dim[1].extent)),
          top(Y::reach(pad_top)),
          left(X::reach(pad_left)) {}
};

// How many pieces of up to `size` make up `length`, and how long they are if they are as equal as they can
// be: at least 1, also of nothing.
inline int pieces(int length, int size) {
    return (length + size - 1) / size;
}
inline int even_size(int length, int limit) {
    return max_of(pieces(length, max_of(pieces(length, limit), 1)), 1);
}

}  // namespace
