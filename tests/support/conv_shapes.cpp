#include "conv_shapes.h"

#include "conv_problem.h"
#include "schedules/tables.h"

namespace sparsetrain::test {

namespace {

// Paddings are for filters of 3 rows and columns; smaller filters have less.
constexpr Extents kTails[] = {
    // clang-format off
    //  n    c   h   w    k   padding
    {   1,  16, 14, 14,  16, {1, 1, 1, 1}},
    {   2,  33,  7, 13,  40, {1, 1, 1, 1}},
    {   3,   1,  3,  3,   1, {0, 0, 0, 0}},  // 1x1 outputs without and with padding
    {   1,  15,  1,  1,  17, {1, 1, 1, 1}},
    {   1,  16,  1,  1,  16, {2, 2, 0, 0}},
    {   1,  16,  1,  1,  16, {0, 0, 2, 2}},
    {   1,  17,  1,  2,  64, {1, 1, 1, 1}},
    {   2,  48,  2,  1,  80, {2, 1, 0, 2}},
    {   1,  16,  1,  1,  33, {2, 2, 2, 2}},
    {   1,  80, 13, 14, 100, {0, 1, 2, 1}},
    {   1,  16, 15, 16,  64, {2, 2, 2, 2}},
    {   1,  64, 17, 28,  32, {1, 0, 1, 0}},
    {   1, 128,  7,  7, 128, {1, 1, 1, 1}},
    {   2, 100, 14, 14,  48, {1, 1, 1, 1}},
    {   1,  32, 28, 29,  17, {0, 2, 1, 0}},
    {   1,  17, 29, 57,  33, {1, 1, 1, 1}},
    {   1,  16, 57,  3,  16, {0, 0, 0, 0}},
    {   1,  16,  3, 57,  16, {0, 0, 0, 0}},
    {   3,  33, 16, 17,  17, {2, 0, 0, 1}},
    {   1,  96,  5,  9, 112, {1, 1, 1, 1}},
    {   1, 256,  4,  5,  64, {1, 1, 1, 1}},
    {   1,  32,  6,  4, 256, {1, 1, 1, 1}},
    {   1, 272,  3,  3, 288, {1, 1, 1, 1}},
    {   1,  40, 31,  1,  24, {1, 1, 1, 1}},
    {   1,  24,  1, 31,  40, {1, 1, 1, 1}},
    {  17,  16,  3,  4,  16, {1, 1, 1, 1}},
    {  33,  17,  2,  2,  18, {1, 1, 1, 1}},
    {   1,  32,  6, 15,  32, {1, 1, 1, 1}},  // one more and one less than a tile of 14
    {   1,  32,  5, 13,  32, {1, 1, 1, 1}},
    {   1,  16,  9, 16,  48, {0, 1, 0, 1}},
    {   1,  48,  8, 30,  32, {1, 1, 1, 1}},
    {   1,  32,  9, 56,  64, {1, 1, 1, 1}},
    {   1,  16,  3, 63,  16, {1, 1, 1, 1}},  // around a word of 64 pixels
    {   1,  16,  3, 64,  32, {1, 1, 1, 1}},
    {   1,  16,  4, 65,  16, {1, 1, 1, 1}},
    {   1,  17,  3, 66,  16, {0, 0, 0, 0}},
    {   1,  16,  2, 130, 32, {1, 1, 1, 1}},
    {   1,  16,  3, 129, 16, {0, 2, 0, 2}},
    {   1,  16, 130, 2,  32, {1, 1, 1, 1}},
    {   5,  32,  7,  7,  64, {1, 1, 1, 1}},  // few channels into many, and back
    {   5,  64,  7,  7,  32, {1, 1, 1, 1}},
    {   2,  16,  5,  6,  16, {2, 0, 0, 0}},  // each side of the padding alone
    {   2,  16,  5,  6,  16, {0, 2, 0, 0}},
    {   2,  16,  5,  6,  16, {0, 0, 2, 0}},
    {   2,  16,  5,  6,  16, {0, 0, 0, 2}},
    {   2,  16,  5,  6,  16, {1, 0, 2, 0}},
    {   2,  16,  5,  6,  16, {0, 1, 0, 2}},
    {   5,  33,  7,  7,  48, {1, 1, 1, 1}},  // images that share tiles, of which one is left over
    {   3,  17,  9,  7,  33, {0, 2, 2, 0}},
    {   3,  16,  8,  8,  16, {0, 0, 0, 0}},
    {   3,  16,  8,  8,  16, {1, 1, 1, 1}},
    {   3,  16,  8,  6,  16, {2, 2, 2, 2}},
    {   2, 529,  3,  3,  16, {1, 1, 1, 1}},  // channels of more than one run
    {   2,  16,  3,  3, 529, {1, 1, 1, 1}},
    {   1,  16, 57, 130, 16, {1, 1, 1, 1}},  // so are tiles
    // clang-format on
};

// For filters with more rows and columns: paddings that the others do not have.
constexpr Extents kWidePaddings[] = {
    // clang-format off
    //  n    c   h   w    k   padding
    {   1,  16,  9, 10,  32, {3, 3, 3, 3}},
    {   1,  16,  9, 10,  32, {4, 4, 4, 4}},
    {   2,  33,  6,  7,  17, {4, 0, 3, 1}},
    {   2,  17,  7,  6,  33, {0, 3, 1, 4}},
    {   3,  48,  3,  4,  16, {3, 4, 4, 3}},
    {   1,  16,  1,  1,  16, {4, 4, 0, 0}},
    {   1,  16,  1,  1,  16, {0, 0, 4, 4}},
    {   2,  16,  1,  2,  48, {2, 3, 2, 4}},
    {   2,  16,  7,  8,  16, {3, 0, 0, 0}},  // each side alone
    {   2,  16,  7,  8,  16, {0, 3, 0, 0}},
    {   2,  16,  7,  8,  16, {0, 0, 3, 0}},
    {   2,  16,  7,  8,  16, {0, 0, 0, 3}},
    {   2,  16,  8,  7,  16, {4, 0, 0, 0}},
    {   2,  16,  8,  7,  16, {0, 4, 0, 0}},
    {   2,  16,  8,  7,  16, {0, 0, 4, 0}},
    {   2,  16,  8,  7,  16, {0, 0, 0, 4}},
    {   5,  33,  7,  7,  48, {2, 2, 2, 2}},  // images that share tiles
    {   3,  17,  9,  7,  33, {0, 4, 4, 0}},
    {   3,  64, 14, 14,  64, {2, 2, 2, 2}},
    {   1,  16,  5, 65,  16, {2, 3, 1, 4}},  // more than a word of 64 pixels
    {   1,  16, 57, 70,  16, {2, 2, 2, 2}},
    {   1,  16,  9,  9,  16, {6, 6, 6, 6}},
    {   2,   3, 21, 20,  64, {3, 3, 3, 3}},
    {   2,  16,  4,  5,  16, {6, 0, 0, 6}},
    {   2,  16,  4,  5,  16, {0, 6, 6, 0}},
    {   1,  16,  6,  7,  16, {5, 1, 2, 5}},
    // clang-format on
};

// For filters of several taps: from 1 to 16 input channels and just above, as images have few, for kernels
// that do without the lanes that pad them.
constexpr Extents kFewChannels[] = {
    // clang-format off
    //  n    c   h   w    k   padding
    {   2,   1, 28, 28,  32, {1, 1, 1, 1}},
    {   1,   3, 30, 32,  64, {3, 3, 3, 3}},  // as in VGG and ResNet
    {   5,   3, 17, 19,  80, {2, 3, 1, 0}},  // images that share tiles, of which one is left over
    {   3,   2,  9, 13,  17, {0, 1, 2, 1}},
    {   2,   4, 12, 11,  33, {1, 0, 1, 2}},
    {   1,   1,  1,  1,  16, {6, 6, 6, 6}},
    {   1,   3,  1,  1,  48, {0, 0, 6, 6}},
    {   1,   2,  1, 70,  16, {3, 3, 3, 3}},
    {   1,   4,  1, 67,  33, {6, 0, 6, 0}},
    {   2,   3, 70,  1,  16, {3, 3, 3, 3}},
    {   1,   1, 67,  2,  80, {0, 6, 0, 6}},
    {   2,   3,  7,  7,  16, {0, 0, 0, 0}},
    {   2,   1,  8,  9,   1, {6, 0, 0, 0}},  // each side of the padding alone
    {   2,   2,  8,  9,  15, {0, 6, 0, 0}},
    {   2,   3,  9,  8,  16, {0, 0, 6, 0}},
    {   2,   4,  9,  8,  17, {0, 0, 0, 6}},
    {   1,   3,  8,130,  32, {1, 1, 1, 1}},
    {   1,   3,  6,801,  16, {1, 1, 1, 1}},  // rows that are longer than blocks
    {  17,   1,  5,  6,  16, {2, 2, 2, 2}},
    {   1,   5, 13, 14,  32, {1, 1, 1, 1}},
    {   2,   8,  9, 10,  48, {2, 2, 2, 2}},
    {   2,  13, 10,  9,  16, {1, 2, 1, 2}},
    {   1,  15,  9, 16,  64, {1, 1, 1, 1}},
    {   1,  16,  9, 16,  64, {1, 1, 1, 1}},
    {   1,  17,  9, 16,  64, {1, 1, 1, 1}},
    // clang-format on
};

// For filters of one tap: as much of channels and pixels as such kernels work in, with tails.
constexpr Extents kPointwise[] = {
    // clang-format off
    //  n    c   h   w    k   padding
    {   2,  64, 28, 28, 144, {0, 0, 0, 0}},
    {   3, 130, 14, 14, 272, {0, 0, 0, 0}},
    {   2, 256, 13, 15, 136, {0, 0, 0, 0}},
    {   1,  80, 57, 57,  48, {0, 0, 0, 0}},
    {   4, 512,  7,  7, 160, {0, 0, 0, 0}},
    {  17,  48,  1,  1, 130, {0, 0, 0, 0}},
    {   3,  33,  1, 70,  64, {0, 0, 0, 0}},
    {   3,  33, 70,  1,  64, {0, 0, 0, 0}},
    // clang-format on
};

// For strides: pairs of an even and an odd size whose ends no tap, or all taps, reach, and what a stride
// makes of the sizes that kernels work in.
constexpr Extents kStrided[] = {
    // clang-format off
    //  n    c   h   w    k   padding
    {   2,  33,  2,  2,  40, {0, 0, 0, 0}},
    {   1,  16,  1,  2,  16, {0, 0, 0, 0}},
    {   1,  16,  2,  1,  16, {0, 0, 0, 0}},
    {   3,  48, 14, 14,  64, {1, 1, 0, 0}},  // as in ResNet
    {   2,  64, 28, 28,  48, {1, 1, 0, 0}},
    {   1,  32, 56, 56,  32, {1, 1, 0, 0}},
    {   2,  16, 13, 27,  32, {1, 1, 1, 1}},
    {   1,  16,  3,127,  16, {0, 0, 0, 0}},  // around a word of 64 pixels of dst
    {   1,  16,  3,128,  16, {0, 0, 0, 0}},
    {   1,  16,  4,129,  32, {0, 0, 0, 0}},
    {   1,  17,  5,130,  16, {1, 1, 1, 1}},
    {   1,  16,  4,131,  16, {0, 0, 0, 0}},
    {   1,  16,128,  3,  16, {0, 0, 0, 0}},
    {   5,  33, 15, 15,  40, {1, 1, 1, 1}},  // images that share tiles, of which one is left over
    {   5,  33, 14, 14,  48, {0, 0, 1, 1}},
    {   3,  16,  7,  7,  16, {0, 0, 0, 0}},
    {   3,  16,  7,  7,  16, {1, 1, 1, 1}},
    // clang-format on
};

constexpr Extents kSmall[] = {
    {2, 3, 12, 13, 40, {1, 1, 1, 1}},  {2, 33, 7, 13, 40, {1, 1, 1, 1}}, {1, 80, 9, 17, 17, {0, 2, 1, 0}},
    {3, 48, 14, 14, 64, {1, 1, 1, 1}}, {2, 20, 9, 10, 64, {1, 1, 1, 1}},
};

// Images for dense kernels of their own: dst is a whole number of tiles wide, with the same padding on both
// sides at stride 1; some only look like that.
void add_whole_tiles(const LayerClassInfo& layer, int tile_width, std::vector<Extents>& extents) {
    const int left = (layer.filter_w - 1) / 2, most_y = layer.filter_h - 1, y = most_y / 2;
    for (const int dst_width : {tile_width, 2 * tile_width, 3 * tile_width}) {
        const int width = dst_width * layer.stride;
        const int right = std::max(0, (dst_width - 1) * layer.stride + layer.filter_w - width - left);
        extents.push_back({5, 33, 15, width, 40, {y, left, y, right}});
        extents.push_back({1, 16, 6, width, 16, {0, left, most_y, right}});
        extents.push_back({1, 16, 6, width, 16, {most_y, left, 0, right}});
        if (layer.stride > 1) extents.push_back({1, 16, 6, width - 1, 16, {y, left, y, right + 1}});
        if (left > 0) extents.push_back({2, 16, 4, width, 16, {y, left - 1, y, right + 1}});
        if (right > 0) extents.push_back({2, 16, 4, width, 16, {y, left + 1, y, right - 1}});
    }
}

std::vector<Extents> whole_tiles(const LayerClassInfo& layer) {
    std::vector<Extents> extents;
    const schedules::Tables* tables = schedules::tables_of(microarchitecture());
    for (const char* pass : {"fwd", "bwd_data"}) {
        if (const schedules::DenseRow* row = tables->dense.find(layer.name, pass))
            add_whole_tiles(layer, row->x_tile, extents);
    }
    return extents;
}

// Adds the class's shapes of those extents for which it has an output, but none twice.
void add_shapes(const LayerClassInfo& layer, std::span<const Extents> extents,
                std::vector<NamedConvShape>& shapes) {
    for (const Extents& e : extents) {
        const ConvShape shape = shape_of(layer, e);
        const std::string name = std::string(layer.name) + "_" + name_of(shape);
        const auto is_same = [&](const NamedConvShape& other) { return other.name == name; };
        if (makes_output(shape) && std::none_of(shapes.begin(), shapes.end(), is_same))
            shapes.push_back({name, shape});
    }
}

// A direction of an image: its size and the padding at both ends.
struct Axis {
    int size, before, after;
};

std::vector<Axis> padded_axes(int filter) {
    std::vector<Axis> axes;
    for (const int size : {std::max(1, filter - 1), filter, filter + 3, filter + 6})
        for (int before = 0; before < filter; ++before)
            for (int after = 0; after < filter; ++after)
                if (size + before + after >= filter) axes.push_back({size, before, after});
    return axes;
}

}  // namespace

std::vector<NamedConvShape> tail_shapes() {
    std::vector<NamedConvShape> shapes;
    for (const LayerClassInfo& layer : layer_classes()) {
        add_shapes(layer, kTails, shapes);
        if (layer.filter_h > 3) add_shapes(layer, kWidePaddings, shapes);
        if (layer.filter_h == 1) add_shapes(layer, kPointwise, shapes);
        if (layer.filter_h > 1) add_shapes(layer, kFewChannels, shapes);
        if (layer.stride > 1) add_shapes(layer, kStrided, shapes);
        add_shapes(layer, whole_tiles(layer), shapes);
    }
    return shapes;
}

std::vector<NamedConvShape> small_shapes() {
    std::vector<NamedConvShape> shapes;
    for (const LayerClassInfo& layer : layer_classes()) add_shapes(layer, kSmall, shapes);
    return shapes;
}

std::vector<ConvShape> padded_shapes(const LayerClassInfo& layer) {
    const std::vector<Axis> vertical = padded_axes(layer.filter_h);
    std::vector<Axis> horizontal = padded_axes(layer.filter_w);
    std::vector<ConvShape> shapes;
    Random random(1);
    for (const int channels : {17, 17, 3}) {
        std::shuffle(horizontal.begin(), horizontal.end(), random);
        for (std::size_t i = 0; i < std::max(vertical.size(), horizontal.size()); ++i) {
            const Axis y = vertical[i % vertical.size()], x = horizontal[i % horizontal.size()];
            shapes.push_back(
                shape_of(layer, {2, channels, y.size, x.size, 33, {y.before, x.before, y.after, x.after}}));
        }
    }
    return shapes;
}

std::vector<LayerClassInfo> classes_with(bool LayerClassInfo::*has, bool wanted) {
    std::vector<LayerClassInfo> classes;
    for (const LayerClassInfo& layer : layer_classes())
        if (layer.*has == wanted) classes.push_back(layer);
    return classes;
}

}  // namespace sparsetrain::test
