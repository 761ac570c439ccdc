#include "sparsetrain/relu.h"
#include "support.h"
#include "train/convolution.h"

namespace sparsetrain::test {
namespace {

constexpr ConvShape kShape{.src = {2, 20, 5, 6}, .k = 33, .padding = {1, 1, 1, 1}};

// All data are small integers, so that every sum is exact and kernels can be compared for equality.
class ConvolutionOperatorTest : public testing::TestWithParam<std::tuple<Policy, int>> {
  protected:
    ConvolutionOperatorTest() { set_integers(); }

    void set_integers() {
        std::mt19937 engine(7);
        const auto next = [&] { return static_cast<float>(engine() % 5) - 2.0F; };
        const WeightsShape shape = kShape.weights();
        const std::vector<train::Parameter> parameters = conv.parameters();
        for_each({shape.k, shape.c, shape.r, shape.s},
                 [&](int k, int c, int r, int s) { parameters[0].value[shape.offset(k, c, r, s)] = next(); });
        for (int k = 0; k < shape.k; ++k) parameters[1].value[static_cast<std::size_t>(k)] = 5 * next();
        conv.parameters_changed();
    }

    // Calls visit(index in src, index in weights, index in dst) for every product of the convolution.
    template <typename Visit>
    static void for_each_product(Visit visit) {
        const Shape src = kShape.src, dst = kShape.dst();
        const WeightsShape filters = kShape.weights();
        for_each(dst, [&](int n, int k, int y, int x) {
            for_each({1, src.c, 3, 3}, [&](int, int c, int r, int s) {
                const int sy = y + r - kShape.padding.top, sx = x + s - kShape.padding.left;
                if (sy >= 0 && sy < src.h && sx >= 0 && sx < src.w)
                    visit(at(src, n, c, sy, sx), filters.offset(k, c, r, s), at(dst, n, k, y, x));
            });
        });
    }

    Tensor expected_dst() {
        Tensor dst(kShape.dst());
        const std::vector<train::Parameter> parameters = conv.parameters();
        for_each(kShape.dst(), [&](int n, int k, int y, int x) {
            dst.values()[at(kShape.dst(), n, k, y, x)] = parameters[1].value[static_cast<std::size_t>(k)];
        });
        for_each_product([&](std::size_t s, std::size_t w, std::size_t d) {
            dst.values()[d] += src.values()[s] * parameters[0].value[w];
        });
        for (float& value : dst.values()) value = std::max(value, 0.0F);
        return dst;
    }

    Workspace workspace{std::get<1>(GetParam())};
    train::Random random{1};
    train::Convolution conv{"conv", kShape, std::get<0>(GetParam()), train::Convolution::Activate::relu,
                            random};
    Tensor src = small_integers(kShape.src, 1), diff_dst = small_integers(kShape.dst(), 2);
    train::Activation in{src.view(), {}};
};
INSTANTIATE_TEST_SUITE_P(PolicyAndThreads, ConvolutionOperatorTest,
                         testing::Combine(testing::Values(Policy::dense, Policy::zero_skip,
                                                          Policy::automatic),
                                          testing::Values(1, 2)));

TEST_P(ConvolutionOperatorTest, ForwardFusesReluAndItsMask) {
    const Tensor expected = expected_dst();
    const train::Activation dst = conv.forward({&in, 1}, {workspace});
    int zeros = 0;
    for_each(kShape.dst(), [&](int n, int k, int y, int x) {
        const std::size_t i = at(kShape.dst(), n, k, y, x);
        ASSERT_EQ(dst.tensor.data[i], expected.values()[i]) << i;
        ASSERT_EQ(bit(dst.mask, n, k, y, x), expected.values()[i] != 0);
        zeros += expected.values()[i] == 0;
    });
    EXPECT_GT(zeros, 100) << "the reference tests no ReLU";
}

TEST_P(ConvolutionOperatorTest, BackwardGoesThroughTheReluFirst) {
    Tensor diff = expected_dst();  // becomes diff_dst after the ReLU
    conv.forward({&in, 1}, {workspace});
    for (std::size_t i = 0; i < diff.shape().elements(); ++i)
        diff.values()[i] = diff.values()[i] > 0 ? diff_dst.values()[i] : 0.0F;
    Tensor diff_src(kShape.src);
    Weights diff_weights(kShape.weights());
    const std::vector<train::Parameter> parameters = conv.parameters();
    for_each_product([&](std::size_t s, std::size_t w, std::size_t d) {
        diff_src.values()[s] += diff.values()[d] * parameters[0].value[w];
        diff_weights.values()[w] += diff.values()[d] * src.values()[s];
    });
    std::vector<float> diff_bias(parameters[1].value.size());
    for_each(kShape.dst(), [&](int n, int k, int y, int x) {
        diff_bias[static_cast<std::size_t>(k)] += diff.values()[at(kShape.dst(), n, k, y, x)];
    });

    train::Activation result;
    conv.backward({diff_dst.view(), {}}, {&result, 1}, {workspace});
    for (std::size_t i = 0; i < kShape.src.elements(); ++i)
        ASSERT_EQ(result.tensor.data[i], diff_src.values()[i]) << i;
    for (std::size_t i = 0; i < parameters[0].value.size(); ++i)
        ASSERT_EQ(parameters[0].gradient[i], diff_weights.values()[i]) << i;
    for (std::size_t i = 0; i < diff_bias.size(); ++i)
        ASSERT_EQ(parameters[1].gradient[i], diff_bias[i]) << i;
}

TEST_P(ConvolutionOperatorTest, LastStepShowsTensorsKernelsAndZeros) {
    const train::Activation dst = conv.forward({&in, 1}, {workspace});
    Mask narrow(kShape.dst());  // as a max pool's: half of the gradients are zero and masked
    for (std::size_t i = 0; i < kShape.dst().pixels(); ++i) narrow.view().data[i] = 0x5555;
    Tensor narrowed(kShape.dst());
    relu_backward(diff_dst.view(), narrow.view(), narrowed.view(), workspace);
    train::Activation diff_src;
    conv.backward({narrowed.view(), narrow.view()}, {&diff_src, 1}, {workspace});

    const train::ConvolutionStep& step = conv.last_step();
    EXPECT_EQ(step.src.tensor.data, src.view().data);
    EXPECT_EQ(step.dst.tensor.data, dst.tensor.data);
    EXPECT_EQ(step.diff_src.data, diff_src.tensor.data);
    for (std::size_t i = 0; i < kShape.dst().pixels(); ++i)
        ASSERT_EQ(step.diff_dst.mask.data[i], dst.mask.data[i] & 0x5555);
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
        EXPECT_EQ(step.run_of(pass).statistics.pass, pass);
        EXPECT_GT(step.run_of(pass).seconds, 0);
        if (conv.plan().policy() == Policy::zero_skip) {
            EXPECT_EQ(step.run_of(pass).statistics.kernel, Kernel::zero_skip);
        }
    }
    EXPECT_GT(step.run_of(Pass::bwd_data).statistics.zeros, 50);
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
