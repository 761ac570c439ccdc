#include "conv_shapes.h"

#include "conv_problem.h"

namespace sparsetrain::test {

namespace {

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
    {   5,  33, 15, 21,  40, {1, 1, 1, 1}},  // whole tiles of 7; one more than their images and rows
    {   1,  16,  6, 14,  16, {0, 1, 2, 1}},  // the same with other padding above and below
    {   1,  16,  6, 14,  16, {2, 1, 0, 1}},
    {   2,  16,  4, 14,  16, {1, 2, 1, 0}},  // dst as wide as src, but shifted
    {   2,  16,  4, 14,  16, {1, 0, 1, 2}},
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

constexpr Extents kSmall[] = {
    {2, 33, 7, 13, 40, {1, 1, 1, 1}},
    {1, 80, 9, 17, 17, {0, 2, 1, 0}},
    {3, 48, 14, 14, 64, {1, 1, 1, 1}},
    {2, 20, 9, 10, 64, {1, 1, 1, 1}},
};

}  // namespace

std::span<const Extents> tail_extents() {
    return kTails;
}

std::span<const Extents> small_extents() {
    return kSmall;
}

std::vector<NamedConvShape> shapes_of_all_classes(std::span<const Extents> extents) {
    std::vector<NamedConvShape> shapes;
    for (const LayerClassInfo& layer : layer_classes()) {
        for (const Extents& e : extents) {
            const ConvShape shape = shape_of(layer, e);
            if (makes_output(shape))
                shapes.push_back({std::string(layer.name) + "_" + name_of(shape), shape});
        }
    }
    return shapes;
}

}  // namespace sparsetrain::test
