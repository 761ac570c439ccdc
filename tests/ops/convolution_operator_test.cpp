#include "direct_convolution.h"
#include "kernel_in_use.h"
#include "sparsetrain/relu.h"
#include "support.h"
#include "train/convolution.h"

namespace sparsetrain::test {
namespace {

using Activate = train::Convolution::Activate;

constexpr ConvShape kShape{.src = {2, 20, 5, 6}, .k = 33, .padding = {1, 1, 1, 1}};

// Weights and bias.
void fill_small_integers(train::Convolution& conv) {
    std::mt19937 engine(7);
    const auto next = [&] { return static_cast<float>(engine() % 5) - 2.0F; };
    const WeightsShape shape = kShape.weights();
    const std::vector<train::Parameter> parameters = conv.parameters();
    for_each({shape.k, shape.c, shape.r, shape.s},
             [&](int k, int c, int r, int s) { parameters[0].value[shape.offset(k, c, r, s)] = next(); });
    for (int k = 0; k < shape.k; ++k) parameters[1].value[static_cast<std::size_t>(k)] = 5 * next();
    conv.parameters_changed();
}

// All data are small integers, so that every sum is exact and kernels can be compared for equality.
class ConvolutionOperatorTest : public testing::TestWithParam<std::tuple<Policy, int, Activate>> {
  protected:
    ConvolutionOperatorTest() { fill_small_integers(conv); }

    static bool with_relu() { return std::get<2>(GetParam()) == Activate::relu; }

    Tensor expected_dst() {
        const auto sums = reference::forward(kShape, src.view(), conv.weights().master(), conv.bias());
        Tensor dst(kShape.dst());
        auto sum = sums.begin();
        for_each(kShape.dst(), [&](int n, int k, int y, int x) {
            const reference::Element element = with_relu() ? reference::relu(*sum) : *sum;
            dst.values()[at(kShape.dst(), n, k, y, x)] = static_cast<float>(element.value);
            ++sum;
        });
        return dst;
    }

    // diff_dst after the backward of the ReLU, if there is one.
    Tensor diff_of_sums() {
        const Tensor dst = expected_dst();
        Tensor diff(kShape.dst());
        for (std::size_t i = 0; i < kShape.dst().elements(); ++i)
            diff.values()[i] = !with_relu() || dst.values()[i] > 0 ? diff_dst.values()[i] : 0.0F;
        return diff;
    }

    // The lanes beyond C and K of everything that backward made.
    static void expect_zero_padding(ConstTensorView diff_src,
                                    const std::vector<train::Parameter>& parameters) {
        const WeightsShape filters = kShape.weights();
        for_each_padding(kShape.src, [&](int n, int c, int y, int x) {
            ASSERT_EQ(diff_src.data[at(kShape.src, n, c, y, x)], 0);
        });
        for_each({channel_blocks(filters.k) * kLanes, channel_blocks(filters.c) * kLanes, 3, 3},
                 [&](int k, int c, int r, int s) {
                     if (k < filters.k && c < filters.c) return;
                     ASSERT_EQ(parameters[0].gradient[filters.offset(k, c, r, s)], 0);
                 });
        for (std::size_t k = static_cast<std::size_t>(filters.k); k < parameters[1].gradient.size(); ++k)
            ASSERT_EQ(parameters[1].gradient[k], 0);
    }

    Workspace workspace{std::get<1>(GetParam())};
    train::Random random{1};
    train::Convolution conv{"conv", kShape, std::get<0>(GetParam()), std::get<2>(GetParam()), random};
    Tensor src = small_integers(kShape.src, 1), diff_dst = small_integers(kShape.dst(), 2);
    train::Activation in{src.view(), {}};
};
INSTANTIATE_TEST_SUITE_P(
    PolicyThreadsAndRelu, ConvolutionOperatorTest,
    testing::Combine(testing::Values(Policy::dense, Policy::zero_skip, Policy::automatic),
                     testing::Values(1, 2), testing::Values(Activate::none, Activate::relu)));

TEST_P(ConvolutionOperatorTest, ForwardFusesReluAndItsMask) {
    const Tensor expected = expected_dst();
    const train::Activation dst = conv.forward({&in, 1}, {workspace});
    ASSERT_EQ(dst.mask.data != nullptr, with_relu());
    int zeros = 0, negative = 0;
    for_each(kShape.dst(), [&](int n, int k, int y, int x) {
        const std::size_t i = at(kShape.dst(), n, k, y, x);
        ASSERT_EQ(dst.tensor.data[i], expected.values()[i]) << i;
        if (with_relu()) {
            ASSERT_EQ(bit(dst.mask, n, k, y, x), expected.values()[i] != 0);
        }
        zeros += expected.values()[i] == 0;
        negative += expected.values()[i] < 0;
    });
    EXPECT_GT(with_relu() ? zeros : negative, 100) << "the reference tests no ReLU";
}

TEST_P(ConvolutionOperatorTest, BackwardGoesThroughTheReluFirst) {
    const Tensor diff = diff_of_sums();
    conv.forward({&in, 1}, {workspace});
    train::Activation result;
    conv.backward({diff_dst.view(), {}}, {&result, 1}, {workspace});

    const WeightsShape filters = kShape.weights();
    const std::vector<train::Parameter> parameters = conv.parameters();
    const auto diff_src = reference::backward_data(kShape, diff.view(), conv.weights().master());
    auto element = diff_src.begin();
    for_each(kShape.src, [&](int n, int c, int y, int x) {
        ASSERT_EQ(result.tensor.data[at(kShape.src, n, c, y, x)], (element++)->value);
    });
    const auto diff_weights = reference::backward_weights(kShape, src.view(), diff.view());
    element = diff_weights.begin();
    for_each({filters.k, filters.c, filters.r, filters.s}, [&](int k, int c, int r, int s) {
        ASSERT_EQ(parameters[0].gradient[filters.offset(k, c, r, s)], (element++)->value);
    });
    const auto diff_bias = reference::backward_bias(kShape, diff.view());
    for (std::size_t k = 0; k < diff_bias.size(); ++k)
        ASSERT_EQ(parameters[1].gradient[k], diff_bias[k].value) << k;
    expect_zero_padding(result.tensor, parameters);
}

// No gradient passes where the ReLU before the convolution made a zero, whatever the kernel.
TEST(ConvolutionOperator, BackwardToARectifiedSourceIsMasked) {
    const Tensor src = small_integers(kShape.src, 1), diff_dst = small_integers(kShape.dst(), 2);
    Tensor rectified(kShape.src);
    Mask mask(kShape.src);
    Workspace workspace;
    relu_forward(src.view(), rectified.view(), mask.view(), workspace);
    for (const Policy policy : {Policy::dense, Policy::zero_skip, Policy::output_mask, Policy::automatic}) {
        SCOPED_TRACE(to_string(policy));
        train::Random random{1};
        train::Convolution conv{"conv", kShape, policy, Activate::none, random};
        fill_small_integers(conv);
        const train::Activation in{rectified.view(), mask.view(), true};
        conv.forward({&in, 1}, {workspace});
        train::Activation result;
        conv.backward({diff_dst.view(), {}}, {&result, 1}, {workspace});
        const auto diff_src = reference::backward_data(kShape, diff_dst.view(), conv.weights().master());
        auto element = diff_src.begin();
        for_each(kShape.src, [&](int n, int c, int y, int x) {
            const double expected = bit(mask.view(), n, c, y, x) ? element->value : 0;
            ++element;
            ASSERT_EQ(result.tensor.data[at(kShape.src, n, c, y, x)], expected);
        });
        if (policy == Policy::output_mask) {
            EXPECT_EQ(conv.last_step().run_of(Pass::bwd_data).statistics.kernel,
                      test::in_use(Kernel::output_mask));
        }
    }
}

TEST_P(ConvolutionOperatorTest, LastStepShowsTensorsKernelsAndZeros) {
    const train::Activation dst = conv.forward({&in, 1}, {workspace});
    Mask narrow(kShape.dst());  // as a max pool's: half of the gradients are zero and masked
    for_each(kShape.dst(), [&](int n, int k, int y, int x) {
        if (k % 2 == 0)
            narrow.view().data[at(kShape.dst(), n, k, y, x) / kLanes] |=
                static_cast<std::uint16_t>(1 << (k % kLanes));
    });
    Tensor narrowed(kShape.dst());
    relu_backward(diff_dst.view(), narrow.view(), narrowed.view(), workspace);
    train::Activation diff_src;
    conv.backward({narrowed.view(), narrow.view()}, {&diff_src, 1}, {workspace});

    const train::ConvolutionStep& step = conv.last_step();
    EXPECT_EQ(step.src.tensor.data, src.view().data);
    EXPECT_EQ(step.dst.tensor.data, dst.tensor.data);
    EXPECT_EQ(step.diff_src.data, diff_src.tensor.data);
    for (std::size_t i = 0; i < kShape.dst().pixels(); ++i)
        ASSERT_EQ(step.diff_dst.mask.data[i],
                  narrow.view().data[i] & (with_relu() ? dst.mask.data[i] : 0xFFFF));
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
        EXPECT_EQ(step.run_of(pass).statistics.pass, pass);
        EXPECT_GT(step.run_of(pass).seconds, 0);
        if (conv.plan().policy() == Policy::zero_skip) {
            EXPECT_EQ(step.run_of(pass).statistics.kernel, test::in_use(Kernel::zero_skip));
        }
    }
    // 17 of 33 channels are even; a ReLU clears more bits.
    const double zeros_of_mask = 100.0 * 16 / 33;
    const double zeros = step.run_of(Pass::bwd_data).statistics.zeros;
    if (with_relu()) {
        EXPECT_GT(zeros, zeros_of_mask + 5);
    } else {
        EXPECT_NEAR(zeros, zeros_of_mask, 1e-6);
    }
}

TEST_P(ConvolutionOperatorTest, FirstConvolutionHasNoGradientOfItsInput) {
    conv.forward({&in, 1}, {workspace});
    conv.backward({diff_dst.view(), {}}, {}, {workspace});
    EXPECT_EQ(conv.last_step().diff_src.data, nullptr);
}

TEST_P(ConvolutionOperatorTest, InferenceLeavesTheStepsRecordAlone) {
    conv.forward({&in, 1}, {workspace});
    const double seconds = conv.last_step().run_of(Pass::fwd).seconds;
    const Tensor other = small_integers(kShape.src, 9);
    const train::Activation other_in{other.view(), {}};
    conv.forward({&other_in, 1}, {workspace, train::Mode::inference});
    EXPECT_EQ(conv.last_step().src.tensor.data, src.view().data);
    EXPECT_EQ(conv.last_step().run_of(Pass::fwd).seconds, seconds);
}

}  // namespace
}  // namespace sparsetrain::test
