// Shapes for every linked layer class.
#pragma once

#include <algorithm>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "sparsetrain/conv2d.h"
#include "sparsetrain/library.h"
#include "test_data.h"

namespace sparsetrain {

// How GoogleTest shows a parameter.
inline void PrintTo(const LayerClassInfo& layer, std::ostream* out) {
    *out << layer.name;
}

}  // namespace sparsetrain

namespace sparsetrain::test {

// A shape whose filter and stride are left to the layer class.
struct Extents {
    int n, c, h, w, k;
    Padding padding;
};

// `extents` with the class's filter and stride, and the padding limited to what the class allows.
inline ConvShape shape_of(const LayerClassInfo& layer, const Extents& e) {
    const int most_y = layer.filter_h - 1, most_x = layer.filter_w - 1;
    const Padding& p = e.padding;
    return {{e.n, e.c, e.h, e.w},
            e.k,
            layer.filter_h,
            layer.filter_w,
            layer.stride,
            {std::min(p.top, most_y), std::min(p.left, most_x), std::min(p.bottom, most_y),
             std::min(p.right, most_x)}};
}

// Whether the filter fits into the padded image.
inline bool makes_output(const ConvShape& s) {
    return s.src.h + s.padding.top + s.padding.bottom >= s.filter_h &&
           s.src.w + s.padding.left + s.padding.right >= s.filter_w;
}

// Tails in every dimension: what is 1, just below, at and just above the sizes that kernels work in (16
// lanes, 32- and 64-channel groups, tiles of 7, 14 and 28 pixels, 64 pixels in a word), each padding, 1x1
// outputs.
std::span<const Extents> tail_extents();

// Few shapes, each with tails, for tests that vary something else.
std::span<const Extents> small_extents();

struct NamedConvShape {
    std::string name;  // "conv3x3_stride1_n1_c16_h14_w14_k16_pad1111"
    ConvShape shape;

    friend void PrintTo(const NamedConvShape& named, std::ostream* out) { *out << named.name; }
};

// Every linked class with each of the extents for which it has an output.
std::vector<NamedConvShape> shapes_of_all_classes(std::span<const Extents> extents);

}  // namespace sparsetrain::test
