#include "train/models/resnet.h"

#include <array>

#include "train/models/builder.h"

namespace sparsetrain::train {

namespace {

// How many blocks each of the four stages has.
using Stages = std::array<int, 4>;

Value filter(Builder& build, const std::string& name, const Value& src, int k, int size, int stride) {
    return build.convolution(
        name, src,
        {.k = k, .filter = size, .stride = stride, .padding = size / 2, .weights = he_fan_out(k, size)});
}

// src, or where stride or channels change its 1x1 convolution.
Value shortcut(Builder& build, const std::string& name, const Value& src, int k, int stride) {
    if (stride == 1 && src.type.shape.c == k) return src;
    const Value sums = filter(build, name + ".downsample.0", src, k, 1, stride);
    return build.norm(name + ".downsample.1", sums);
}

Value basic_block(Builder& build, const std::string& name, const Value& src, int planes, int stride) {
    const Value first =
        build.norm_relu(name + ".bn1", filter(build, name + ".conv1", src, planes, 3, stride));
    const Value second = filter(build, name + ".conv2", first, planes, 3, 1);
    const Value other = shortcut(build, name, src, planes, stride);
    return build.norm_add_relu(name + ".bn2", second, other);
}

Value bottleneck(Builder& build, const std::string& name, const Value& src, int planes, int stride) {
    constexpr int kExpansion = 4;
    const Value first = build.norm_relu(name + ".bn1", filter(build, name + ".conv1", src, planes, 1, 1));
    const Value second =
        build.norm_relu(name + ".bn2", filter(build, name + ".conv2", first, planes, 3, stride));
    const Value third = filter(build, name + ".conv3", second, kExpansion * planes, 1, 1);
    const Value other = shortcut(build, name, src, kExpansion * planes, stride);
    return build.norm_add_relu(name + ".bn3", third, other);
}

using Block = Value (*)(Builder&, const std::string&, const Value&, int, int);

Graph resnet(const char* model, const ModelOptions& options, const Stages& stages, Block block) {
    check_image_size(model, options.image_size, 32);
    Builder build(options);
    Value value = build.norm_relu("bn1", filter(build, "conv1", build.images(), 64, 7, 2));
    value = build.max_pool("maxpool", value, {3, 3, 2, 2, {1, 1, 1, 1}});
    for (int stage = 0; stage < 4; ++stage) {
        for (int i = 0; i < stages[static_cast<std::size_t>(stage)]; ++i) {
            const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(i);
            value = block(build, name, value, 64 << stage, stage > 0 && i == 0 ? 2 : 1);
        }
    }
    const int features = value.type.shape.c;
    build.linear("fc", build.global_average("avgpool", value),
                 {.k = options.classes,
                  .has_bias = true,
                  .weights = uniform_of(features),
                  .bias = uniform_of(features)});
    return std::move(build).finish();
}

}  // namespace

Graph resnet18(const ModelOptions& options) {
    return resnet("resnet18", options, {2, 2, 2, 2}, basic_block);
}

Graph resnet34(const ModelOptions& options) {
    return resnet("resnet34", options, {3, 4, 6, 3}, basic_block);
}

Graph resnet50(const ModelOptions& options) {
    return resnet("resnet50", options, {3, 4, 6, 3}, bottleneck);
}

}  // namespace sparsetrain::train
