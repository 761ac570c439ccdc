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

struct NamedConvShape {
    std::string name;  // "conv3x3_stride1_n1_c16_h14_w14_k16_pad1111"
    ConvShape shape;

    friend void PrintTo(const NamedConvShape& named, std::ostream* out) { *out << named.name; }
};

// For every linked class, shapes with tails in every dimension: what is 1, just below, at and just above the
// sizes that kernels work in (16 lanes, few channels, 32- and 64-channel groups, tiles of 7, 14 and 28 pixels
// and the dense kernels' own, 64 pixels in a word), paddings up to the class's most, 1x1 outputs.
std::vector<NamedConvShape> tail_shapes();

// For every linked class, few shapes, each with tails, for tests that vary something else.
std::vector<NamedConvShape> small_shapes();

// Small images of a class with every padding above and below, for even and odd heights, and, paired with them
// at random, every padding on the left and right, for even and odd widths. With a stride, no tap reaches the
// last row or column of some.
std::vector<ConvShape> padded_shapes(const LayerClassInfo& layer);

// The linked classes that have (or do not have) something, as &LayerClassInfo::skips_zeros.
std::vector<LayerClassInfo> classes_with(bool LayerClassInfo::*has, bool wanted = true);
inline std::vector<LayerClassInfo> classes_without(bool LayerClassInfo::*has) {
    return classes_with(has, false);
}

}  // namespace sparsetrain::test
