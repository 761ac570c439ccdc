// Lanes that pad channels stay zero, and their mask bits clear, whatever the data: also where an operand is
// not finite, of which products with the zeros of padded weights are NaN.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "conv_problem.h"
#include "conv_shapes.h"

namespace sparsetrain::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float& at(const TestTensor& tensor, int n, int c, int y, int x) {
    const Shape& shape = tensor.shape;
    const int pixel = ((n * channel_blocks(shape.c) + c / kLanes) * shape.h + y) * shape.w + x;
    return tensor.memory[static_cast<std::size_t>(pixel * kLanes + c % kLanes)];
}

// In every image, block and row there is one among the real channels.
void spoil(const TestTensor& tensor, float value) {
    const Shape& shape = tensor.shape;
    for (int n = 0; n < shape.n; ++n) {
        for (int c = 0; c < shape.c; c += 5) {
            for (int y = 0; y < shape.h; ++y)
                at(tensor, n, c, y, (c + y) % shape.w) = (c + y) % 2 == 0 ? value : -value;
        }
    }
}

void fill_with_nan(Guarded<float>& memory) {
    std::fill_n(memory.data(), memory.size(), kNan);
}

void expect_zero_lanes(const TestTensor& tensor) {
    const Shape& shape = tensor.shape;
    const int channels = channel_blocks(shape.c) * kLanes;
    for (int n = 0; n < shape.n; ++n)
        for (int c = shape.c; c < channels; ++c)
            for (int y = 0; y < shape.h; ++y)
                for (int x = 0; x < shape.w; ++x) ASSERT_EQ(at(tensor, n, c, y, x), 0.0f);
}

void expect_clear_bits(const TestMask& mask) {
    const Shape& shape = mask.shape;
    const std::size_t pixels = static_cast<std::size_t>(shape.h) * static_cast<std::size_t>(shape.w);
    const auto blocks = static_cast<std::size_t>(channel_blocks(shape.c));
    const int kept = shape.c % kLanes == 0 ? kLanes : shape.c % kLanes;
    for (std::size_t i = 0; i < shape.pixels(); ++i) {
        if (i / pixels % blocks != blocks - 1) continue;
        ASSERT_EQ(mask.memory[i] >> kept, 0) << "word " << i;
    }
}

void expect_zero_lanes(const TestWeights& weights) {
    const WeightsShape& shape = weights.shape;
    for (int k = 0; k < channel_blocks(shape.k) * kLanes; ++k) {
        for (int c = 0; c < channel_blocks(shape.c) * kLanes; ++c) {
            if (k < shape.k && c < shape.c) continue;
            for (int r = 0; r < shape.r; ++r)
                for (int s = 0; s < shape.s; ++s) ASSERT_EQ(weights.at(k, c, r, s), 0.0f) << k << ' ' << c;
        }
    }
}

struct NonFinite {
    NonFinite(const ConvShape& shape, Policy policy, float value)
        : problem(shape, Values::reals, {50, ZeroPattern::elements}, 1), conv(shape, policy) {
        spoil(problem.src, value);
        spoil(problem.diff_dst, value);
        problem.weights.at(0, 0, 0, 0) = value;
        problem.bias[0] = value;
    }

    void expect_forward() {
        TestTensor dst(conv.shape().dst());
        fill_with_nan(dst.memory);
        const PackedWeights packed(problem.weights.view());
        conv.forward(problem.src.view(), packed, problem.bias.values(), dst.view(), workspace);
        expect_zero_lanes(dst);

        TestMask mask(conv.shape().dst());
        fill_with_nan(dst.memory);
        conv.forward_relu(problem.src.view(), packed, problem.bias.values(), dst.view(), mask.view(),
                          workspace);
        expect_zero_lanes(dst);
        expect_clear_bits(mask);
    }

    // With a mask of all bits, which promises nothing.
    void expect_backward_data() {
        TestTensor diff_src(conv.shape().src);
        TestMask relu_mask(conv.shape().src);
        std::fill_n(relu_mask.memory.data(), relu_mask.memory.size(), std::uint16_t{0xffff});
        const PackedWeights packed(problem.weights.view());
        fill_with_nan(diff_src.memory);
        conv.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace, relu_mask.view());
        expect_zero_lanes(diff_src);
        if (conv.policy() == Policy::output_mask) return;  // needs a mask
        fill_with_nan(diff_src.memory);
        conv.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace);
        expect_zero_lanes(diff_src);
    }

    void expect_backward_weights() {
        TestWeights diff_weights(conv.shape().weights());
        fill_with_nan(diff_weights.memory);
        conv.backward_weights(problem.src.view(), problem.diff_dst.view(), diff_weights.view(), {},
                              workspace);
        expect_zero_lanes(diff_weights);
    }

    ConvProblem problem;
    Conv2d conv;
    Workspace workspace{2};
};

class ConvPaddingLanes : public ::testing::TestWithParam<LayerClassInfo> {};

TEST_P(ConvPaddingLanes, AreZeroWhateverTheData) {
    const struct { int c, k; } channels[] = {{3, 17}, {16, 20}, {20, 16}, {33, 47}};
    for (const auto& [c, k] : channels) {
        const ConvShape shape = shape_of(GetParam(), {2, c, 9, 9, k, {1, 1, 1, 1}});
        for (const Policy policy : all_policies()) {
            for (const float value : {kInfinity, kNan}) {
                SCOPED_TRACE(std::to_string(c) + " to " + std::to_string(k) + ", " + to_string(policy) +
                             ", " + std::to_string(value));
                NonFinite call(shape, policy, value);
                call.expect_forward();
                if (GetParam().backward_data) call.expect_backward_data();
                call.expect_backward_weights();
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Classes, ConvPaddingLanes, ::testing::ValuesIn(layer_classes()),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace sparsetrain::test
