#include "conv_class.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "checks.h"

namespace sparsetrain::detail {

namespace {

// What every class leaves out, before its name is looked for.
void check_plain(const char* argument, int value) {
    if (value == 1) return;
    throw Error(ErrorCode::unsupported,
                std::string("Conv2d: ") + argument +
                    ": expected 1, as only convolutions without dilation and groups are "
                    "supported, given " +
                    std::to_string(value));
}

std::string class_name(const ConvShape& shape) {
    return "conv" + std::to_string(shape.filter_h) + "x" + std::to_string(shape.filter_w) + "_stride" +
           std::to_string(shape.stride);
}

const LayerClass& find_class(const ConvShape& shape) {
    std::string linked;
    for (const LayerClass* candidate : linked_layer_classes()) {
        const LayerClassInfo& info = candidate->info;
        if (info.filter_h == shape.filter_h && info.filter_w == shape.filter_w &&
            info.stride == shape.stride) {
            return *candidate;
        }
        linked += std::string(linked.empty() ? "" : ", ") + info.name;
    }
    throw Error(ErrorCode::unsupported, "Conv2d: expected a layer class that is linked (" + linked +
                                            "), given " + class_name(shape) +
                                            "; CMake's sparsetrain_add_layer_class makes others");
}

void check_padding(const char* side, int padding, int filter) {
    if (padding >= 0 && padding < filter) return;
    throw_invalid("Conv2d", side, "from 0 to " + std::to_string(filter - 1), std::to_string(padding));
}

void check_window(const char* axis, int filter, int length, int before, int after) {
    if (filter <= length + before + after) return;
    throw_invalid("Conv2d", axis, "at least the filter's " + std::to_string(filter) + " with padding",
                  std::to_string(length + before + after));
}

// The widest images whose passes fit their scratch memory, of which an allocation of Halide's has fewer than
// 2^31 bytes. Of wide images a task has one row of output: it keeps `filter_h` rows of all channels, copied
// with their padding or as zero_skip's lists, which have up to 66 words per pixel and group of 64 channels;
// or a row of sums, of up to 16 vectors. Up to kNarrow pixels tasks have more rows or images, of bounded
// size.
int most_width(int channels, int filter_h) {
    constexpr double kBytes = 2147483647.0, kGroup = 64, kRecord = 66 * 4, kSums = 16 * 64;
    constexpr int kNarrow = 4096, kEnds = 64;  // columns of padding and to whole tiles, at most
    const double lists = std::ceil(channels / kGroup) * kRecord * filter_h;
    return std::max(static_cast<int>(kBytes / std::max(lists, kSums)) - kEnds, kNarrow);
}

void check_width(const char* tensor, const Shape& shape, int filter_h) {
    const int most = most_width(shape.c, filter_h);
    if (shape.w <= most) return;
    throw Error(ErrorCode::unsupported, std::string("Conv2d: width of ") + tensor + ": expected at most " +
                                            std::to_string(most) + " for " + std::to_string(shape.c) +
                                            " channels, given " + std::to_string(shape.w));
}

}  // namespace

// The class before the padding: sums of sizes cannot overflow once the filter is a known one.
const LayerClass& find_class_of(const ConvShape& shape) {
    check_shape("Conv2d", "src", shape.src);
    check_at_least("Conv2d", "k", 1, shape.k);
    check_at_least("Conv2d", "filter_h", 1, shape.filter_h);
    check_at_least("Conv2d", "filter_w", 1, shape.filter_w);
    check_at_least("Conv2d", "stride", 1, shape.stride);
    check_plain("dilation", shape.dilation);
    check_plain("groups", shape.groups);
    const LayerClass& layer_class = find_class(shape);
    check_padding("padding.top", shape.padding.top, shape.filter_h);
    check_padding("padding.bottom", shape.padding.bottom, shape.filter_h);
    check_padding("padding.left", shape.padding.left, shape.filter_w);
    check_padding("padding.right", shape.padding.right, shape.filter_w);
    check_window("height of src", shape.filter_h, shape.src.h, shape.padding.top, shape.padding.bottom);
    check_window("width of src", shape.filter_w, shape.src.w, shape.padding.left, shape.padding.right);
    check_shape("Conv2d", "dst", shape.dst());
    check_shape("Conv2d", "weights", shape.weights());
    check_width("src", shape.src, shape.filter_h);
    check_width("dst", shape.dst(), shape.filter_h);
    return layer_class;
}

ConvShape shape_for_kernels(const ConvShape& shape) {
    constexpr int kMostPixels = 256;
    if (shape.filter_h != 1 || shape.filter_w != 1 || shape.stride != 1) return shape;
    ConvShape longest = shape;
    for (int rows = 2; rows <= shape.src.h && rows * shape.src.w <= kMostPixels; ++rows) {
        if (shape.src.h % rows != 0) continue;
        longest.src.h = shape.src.h / rows;
        longest.src.w = shape.src.w * rows;
    }
    return longest;
}

}  // namespace sparsetrain::detail
