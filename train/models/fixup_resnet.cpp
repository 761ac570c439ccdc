#include "train/models/fixup_resnet.h"

#include <array>

#include "train/models/builder.h"
#include "train/operators/shifted_convolution.h"

namespace sparsetrain::train {

namespace {

constexpr std::array kStages = {3, 4, 6, 3};
constexpr int kExpansion = 4;

std::shared_ptr<Parameter> scalar(const std::string& name, float initial) {
    auto parameter =
        std::make_shared<Parameter>(Parameter::vector(name, 1, {Initial::Kind::constant, initial}));
    parameter->decayed = false;
    parameter->rate = 0.1F;
    return parameter;
}

Value shifted(Builder& build, const std::string& name, const Value& src, ConvolutionOptions conv,
              const ScalarParameters& scalars) {
    conv.padding = conv.filter / 2;
    conv.kernels = build.kernels_for(src);
    return build.add<ShiftedConvolution>({src}, name, src, conv, scalars);
}

// h = relu(conv1(src + bias1a) + bias1b), then conv2 alike, with the stride; conv3(h + bias3a) * scale +
// bias3b and src, or its 1x1 convolution with the same bias1a, are summed. conv3 begins as zero: so does what
// the block changes.
Value block(Builder& build, const std::string& name, const Value& src, int planes, int stride) {
    const auto bias = [&](const char* which) { return scalar(name + which, 0); };
    // One more block than the first scales down: blocks to the power of -1 / (2 m - 2), m = 3 layers each.
    const auto scaled = [](Initial initial) {
        int blocks = 0;
        for (const int stage : kStages) blocks += stage;
        initial.scale *= std::pow(static_cast<float>(blocks), -0.25F);
        return initial;
    };
    const std::shared_ptr<Parameter> bias1a = bias(".bias1a");
    const Value first =
        shifted(build, name + ".conv1", src,
                {.k = planes, .filter = 1, .has_relu = true, .weights = scaled(he_fan_out(planes, 1))},
                {bias1a, nullptr, bias(".bias1b")});
    const Value second = shifted(build, name + ".conv2", first,
                                 {.k = planes,
                                  .filter = 3,
                                  .stride = stride,
                                  .has_relu = true,
                                  .weights = scaled(he_fan_out(planes, 3))},
                                 {bias(".bias2a"), nullptr, bias(".bias2b")});
    const int k = kExpansion * planes;
    const Value third = shifted(build, name + ".conv3", second, {.k = k, .filter = 1},
                                {bias(".bias3a"), scalar(name + ".scale", 1), bias(".bias3b")});
    Value shortcut = src;
    if (stride != 1 || src.type.shape.c != k)
        shortcut = shifted(build, name + ".downsample", src,
                           {.k = k, .filter = 1, .stride = stride, .weights = he_fan_out(k, 1)},
                           {bias1a, nullptr, nullptr});
    return build.add<AddRelu>({third, shortcut}, name + ".add", third, shortcut);
}

}  // namespace

Graph fixup_resnet50(const ModelOptions& options) {
    check_image_size("fixup_resnet50", options.image_size, 32);
    Builder build(options);
    Value value = shifted(build, "conv1", build.images(),
                          {.k = 64,
                           .filter = 7,
                           .stride = 2,
                           .has_relu = true,
                           .weights = uniform_of(options.channels * 7 * 7)},
                          {nullptr, nullptr, scalar("bias1", 0)});
    value = build.max_pool("maxpool", value, {3, 3, 2, 2, {1, 1, 1, 1}});
    for (int stage = 0; stage < 4; ++stage) {
        for (int i = 0; i < kStages[static_cast<std::size_t>(stage)]; ++i) {
            const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(i);
            value = block(build, name, value, 64 << stage, stage > 0 && i == 0 ? 2 : 1);
        }
    }
    build.linear<ShiftedConvolution>("fc", build.global_average("avgpool", value),
                                     {.k = options.classes, .has_bias = true},
                                     ScalarParameters{scalar("bias2", 0), nullptr, nullptr});
    return std::move(build).finish();
}

}  // namespace sparsetrain::train
