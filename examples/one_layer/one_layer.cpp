// A 3x3 convolution of an image whose left half is zero. This program has no other class, unless it links a
// shared library of all, and says so.
#include <cstdio>

#include "sparsetrain/conv2d.h"
#include "sparsetrain/error.h"

using namespace sparsetrain;

int main() {
    const ConvShape shape{.src = {1, 16, 8, 8}, .k = 16, .padding = {1, 1, 1, 1}};
    const Conv2d conv(shape);
    Workspace workspace;

    Tensor src(shape.src), dst(shape.dst());
    Weights weights(shape.weights());
    for (std::size_t i = 0; i < src.values().size(); ++i)
        src.values()[i] = i / kLanes % 8 < 4 ? 0.0f : 1.0f;  // [N][C/16][H][W][16]
    for (float& value : weights.values()) value = 1;

    const PackedWeights packed(weights.view());
    const RunStatistics run = conv.forward(src.view(), packed, {}, dst.view(), workspace);
    const float sum = dst.values()[(4 * 8 + 6) * kLanes];  // of 3 x 3 taps and 16 channels, all ones
    std::printf("%s by %s: %g\n", conv.layer_class(), to_string(run.kernel), static_cast<double>(sum));
    try {
        const Conv2d pointwise({.src = shape.src, .k = 16, .filter_h = 1, .filter_w = 1});
        std::printf("%s, too\n", pointwise.layer_class());
    } catch (const Error& error) {
        std::printf("%s\n", error.what());
    }
    return sum == 144 ? 0 : 1;
}
