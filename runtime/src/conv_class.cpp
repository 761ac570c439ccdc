#include "conv_class.h"

#include <algorithm>
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

// A row of zero_skip's lists has up to 66 words per pixel, which kernels index with 32 bits.
void check_width(const char* tensor, int width) {
    constexpr int kMost = 1 << 24;
    if (width <= kMost) return;
    throw Error(ErrorCode::unsupported, std::string("Conv2d: width of ") + tensor + ": expected at most " +
                                            std::to_string(kMost) + ", given " + std::to_string(width));
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
    check_width("src", shape.src.w);
    check_width("dst", shape.dst().w);
    check_shape("Conv2d", "dst", shape.dst());
    check_shape("Conv2d", "weights", shape.weights());
    return layer_class;
}

std::vector<const ConvKernel*> kernels_of_plan(const LayerClass& layer_class, const ConvShape& shape,
                                               Policy policy, Pass pass) {
    // Of a first convolution, most of src is the padding of its few channels, which is no sparsity.
    const auto is_wanted = [&](const ConvKernel& kernel) {
        if (policy != Policy::automatic) return policy == policy_of(kernel.name);
        return kernel.skips == Skips::nothing || shape.src.c >= kLanes;
    };
    std::vector<const ConvKernel*> kernels;
    for (const ConvKernel* kernel : layer_class.kernels) {
        if (kernel->pass != pass) continue;
        if (!is_wanted(*kernel)) continue;
        const auto other = std::find_if(kernels.begin(), kernels.end(), [kernel](const ConvKernel* listed) {
            return listed->name == kernel->name && listed->skips == kernel->skips;
        });
        if (other == kernels.end()) {
            kernels.push_back(kernel);
        } else if (!(*other)->suits(shape)) {
            *other = kernel;
        }
    }
    const bool has_another = kernels.empty() && policy != Policy::dense;
    return has_another ? kernels_of_plan(layer_class, shape, Policy::dense, pass) : kernels;
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
