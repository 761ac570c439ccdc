#include "train/models/vgg.h"

#include "train/models/builder.h"
#include "train/operators/dropout.h"

namespace sparsetrain::train {

namespace {

// The layers of a VGG: the output channels of a 3x3 convolution, or a max pool.
constexpr int kPool = 0;
constexpr int kSmallLayers[] = {64, 64, kPool, 128, 128, 128, kPool, 256, 256};
constexpr int kLayersD[] = {64,    64,  kPool, 128, 128,   kPool, 256, 256, 256,
                            kPool, 512, 512,   512, kPool, 512,   512, 512, kPool};

constexpr PoolWindow kHalving{};

Initial uniform_of_variance(float variance) {
    return {Initial::Kind::uniform, std::sqrt(3 * variance)};
}

// torchvision's adaptive pool between convolutions and linear layers leaves maps of 7x7.
Value as_7x7(Builder& build, const Value& src) {
    constexpr int kSize = 7;
    const ValueShape& shape = src.type.shape;
    if (shape.h == kSize && shape.w == kSize) return src;
    return build.add<AdaptiveAveragePool>({src}, "avgpool", src, kSize, kSize);
}

}  // namespace

Graph vgg_small(const ModelOptions& options) {
    check_image_size("vgg-small", options.image_size, 4);
    Builder build(options);
    Value value = build.images();
    int convolutions = 0, pools = 0;
    for (const int channels : kSmallLayers) {
        if (channels == kPool) {
            value = build.max_pool("pool" + std::to_string(++pools), value, kHalving);
        } else {
            const auto fan_in = static_cast<float>(9 * value.type.shape.c);
            value = build.convolution("conv" + std::to_string(++convolutions), value,
                                      {.k = channels,
                                       .has_bias = true,
                                       .has_relu = true,
                                       .weights = {Initial::Kind::uniform, std::sqrt(6 / fan_in)}});
        }
    }
    const ValueShape& shape = value.type.shape;
    build.linear("fc", value,
                 {.k = options.classes,
                  .has_bias = true,
                  .weights = uniform_of_variance(1 / static_cast<float>(shape.c * shape.h * shape.w))});
    return std::move(build).finish();
}

Graph vgg16(const ModelOptions& options) {
    check_image_size("vgg16", options.image_size, 32);
    constexpr int kHidden = 4096;
    Builder build(options);
    Value value = build.images();
    int index = 0;  // torchvision counts convolutions, ReLUs and pools
    for (const int channels : kLayersD) {
        const std::string name = "features." + std::to_string(index);
        if (channels == kPool) {
            value = build.max_pool(name, value, kHalving);
        } else {
            value = build.convolution(
                name, value,
                {.k = channels, .has_bias = true, .has_relu = true, .weights = he_fan_out(channels, 3)});
        }
        index += channels == kPool ? 1 : 2;
    }
    value = as_7x7(build, value);
    const Initial weights{Initial::Kind::normal, 0.01F};
    for (const int first : {0, 3}) {
        value = build.linear("classifier." + std::to_string(first), value,
                             {.k = kHidden, .has_bias = true, .has_relu = true, .weights = weights});
        if (options.dropout > 0)
            value = build.add<Dropout>({value}, "classifier." + std::to_string(first + 2), value,
                                       options.dropout, std::uint64_t{options.seed} << 32U | unsigned(first));
    }
    build.linear("classifier.6", value, {.k = options.classes, .has_bias = true, .weights = weights});
    return std::move(build).finish();
}

}  // namespace sparsetrain::train
