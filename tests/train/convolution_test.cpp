// Convolutions of a network: their passes against a direct convolution in double, and what is known of them.
#include "train/operators/convolution.h"

#include <gtest/gtest.h>

#include <map>

#include "direct_convolution.h"
#include "expect_error.h"
#include "kernel_in_use.h"
#include "small_graphs.h"

namespace sparsetrain::test {
namespace {

using reference::Element;
using train::Convolution;
using train::Network;
using train::PassCall;

// Compares every pass that goes by.
class ReferenceWatch : public train::ConvolutionWatch {
  public:
    explicit ReferenceWatch(const Network& network) {
        for (const train::Parameter* parameter : network.parameters())
            parameters_[parameter->name] = parameter;
    }

    void passed(const Convolution& convolution, const PassCall& call) override {
        SCOPED_TRACE(convolution.name() + " " + to_string(call.pass));
        const ConvShape shape = convolution.shape(kBatch);
        ++passes[convolution.name()];
        switch (call.pass) {
            case Pass::fwd:
                return check_forward(convolution, shape, call);
            case Pass::bwd_data:
                return check_backward_data(convolution, shape, call);
            case Pass::bwd_weights:
                return check_backward_weights(convolution, shape, call);
        }
    }

    std::map<std::string, int> passes;

  private:
    static void expect_near(float actual, const Element& expected) {
        ASSERT_NEAR(actual, expected.value, reference::rounding_bound(expected));
    }

    template <typename Visit>
    static void for_each(const Shape& shape, Visit visit) {
        for (int n = 0; n < shape.n; ++n)
            for (int c = 0; c < channel_blocks(shape.c) * kLanes; ++c)
                for (int y = 0; y < shape.h; ++y)
                    for (int x = 0; x < shape.w; ++x) visit(n, c, y, x);
    }

    static void check_forward(const Convolution& convolution, const ConvShape& shape, const PassCall& call) {
        const bool has_relu = convolution.result().rectified;
        int zeros = 0, others = 0;
        for_each(shape.dst(), [&](int n, int k, int y, int x) {
            const float dst = reference::at(call.dst, n, k, y, x);
            if (k >= shape.k) {
                ASSERT_EQ(dst, 0);
                return;
            }
            Element sum = reference::forward_at(shape, call.src->tensor, convolution.weights(),
                                                convolution.bias(), n, k, y, x);
            expect_near(dst, has_relu ? reference::relu(sum) : sum);
            ++(dst == 0 ? zeros : others);
        });
        EXPECT_GT(others, 0);
        EXPECT_EQ(zeros > 0, has_relu);
    }

    static void check_backward_data(const Convolution& convolution, const ConvShape& shape,
                                    const PassCall& call) {
        ASSERT_TRUE(call.relu_mask) << "what these read are outputs of ReLUs";
        int masked = 0;
        for_each(shape.src, [&](int n, int c, int y, int x) {
            const float diff_src = reference::at(call.dst, n, c, y, x);
            if (c >= shape.src.c || !reference::bit_at(call.relu_mask, n, c, y, x)) {
                ASSERT_EQ(diff_src, 0);
                ++masked;
                return;
            }
            expect_near(diff_src, reference::backward_data_at(shape, call.diff_dst->tensor,
                                                              convolution.weights(), n, c, y, x));
        });
        EXPECT_GT(masked, 0);
    }

    void check_backward_weights(const Convolution& convolution, const ConvShape& shape,
                                const PassCall& call) const {
        const AlignedArray<float>& gradient = parameters_.at(convolution.name() + ".weight")->gradient;
        const WeightsShape filters = shape.weights();
        for (int k = 0; k < filters.k; ++k)
            for (int c = 0; c < filters.c; ++c)
                for (int r = 0; r < filters.r; ++r)
                    for (int s = 0; s < filters.s; ++s)
                        expect_near(gradient[filters.offset(k, c, r, s)],
                                    reference::backward_weights_at(shape, call.src->tensor,
                                                                   call.diff_dst->tensor, k, c, r, s));
        const AlignedArray<float>& bias = parameters_.at(convolution.name() + ".bias")->gradient;
        for (int k = 0; k < shape.k; ++k)
            expect_near(bias[static_cast<std::size_t>(k)],
                        reference::backward_bias_at(shape, call.diff_dst->tensor, k));
    }

    std::map<std::string, const train::Parameter*> parameters_;
};

class ConvolutionOperator : public testing::TestWithParam<std::tuple<Policy, int>> {
  protected:
    Policy policy() const { return std::get<0>(GetParam()); }

    Batch batch = random_batch();
    Network network{small_graph(policy()), kBatch, 1, std::get<1>(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(PolicyAndThreads, ConvolutionOperator,
                         testing::Combine(testing::Values(Policy::dense, Policy::zero_skip,
                                                          Policy::output_mask, Policy::automatic),
                                          testing::Values(1, 2)));

TEST_P(ConvolutionOperator, PassesAreADirectConvolutions) {
    for (train::Parameter* parameter : network.parameters())  // biases, too
        if (!parameter->is_filters())
            for (std::size_t i = 0; i < parameter->elements(); ++i)
                parameter->value[i] = 0.01F * static_cast<float>(i);
    ReferenceWatch watch(network);
    network.compute_gradients(batch.images, batch.targets(), &watch);
    const std::map<std::string, int> expected{{"conv1", 2}, {"conv2", 3}, {"fc", 3}};
    EXPECT_EQ(watch.passes, expected);
}

TEST_P(ConvolutionOperator, LastRunsAreThoseOfTheStep) {
    network.compute_gradients(batch.images, batch.targets());
    ASSERT_EQ(network.convolutions().size(), 2U) << "linear layers are not among them";
    const Convolution &first = *network.convolutions()[0], &second = *network.convolutions()[1];
    EXPECT_FALSE(first.last_run(Pass::bwd_data).ran) << "nobody needs the gradient of images";
    for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
        const train::PassRun& run = second.last_run(pass);
        EXPECT_TRUE(run.ran);
        EXPECT_EQ(run.statistics.pass, pass);
        EXPECT_GT(run.seconds, 0);
        if (policy() == Policy::zero_skip) {
            EXPECT_EQ(run.statistics.kernel, in_use(Kernel::zero_skip));
            EXPECT_GT(run.statistics.zeros, 0);
        }
    }
    if (policy() == Policy::output_mask) {
        EXPECT_EQ(second.last_run(Pass::bwd_data).statistics.kernel, in_use(Kernel::output_mask));
    }
    EXPECT_EQ(first.plan(kBatch).policy(), Policy::dense);
    EXPECT_EQ(second.plan(kBatch).policy(), policy());
}

TEST_P(ConvolutionOperator, InferenceLeavesTheStepsRecordAlone) {
    ReferenceWatch watch(network);
    network.set_watch(&watch);
    network.train_step(batch.images, batch.targets(), {.learning_rate = 0});
    const double seconds = network.convolutions()[1]->last_run(Pass::fwd).seconds;
    network.evaluate(batch.images, batch.labels);
    EXPECT_EQ(network.convolutions()[1]->last_run(Pass::fwd).seconds, seconds);
    EXPECT_EQ(watch.passes["conv2"], 3) << "one step was seen";
}

TEST(ConvolutionOperatorErrors, AreThoseOfThePlan) {
    const auto make = [](const train::ConvolutionOptions& options) {
        return [=] {
            const train::Graph graph(kImages);
            Convolution("conv", graph.images(), options);
        };
    };
    expect_error(ErrorCode::unsupported, {"4x4"}, make({.k = 16, .filter = 4}));
    expect_error(ErrorCode::invalid_argument, {"padding", "3"}, make({.k = 16, .padding = 3}));
    expect_error(ErrorCode::invalid_argument, {"0"}, make({.k = 0}));
    expect_error(ErrorCode::invalid_argument, {"stride", "at least 1", "0"}, make({.k = 16, .stride = 0}));
    const train::Value features{1, {{80, 1, 1, true}, false, false}};
    expect_error(ErrorCode::invalid_argument, {"Convolution", "images", "80 features", "C40"}, [&] {
        Convolution("fc", features, {.k = 5}, train::ValueShape{40, 1, 1});
    });
    expect_error(ErrorCode::invalid_argument, {"ShiftedConvolution", "has_bias"}, [] {
        const train::Graph graph(kImages);
        const auto before = std::make_shared<train::Parameter>(
            train::Parameter::vector("before", 1, {train::Initial::Kind::constant, 1}));
        train::ShiftedConvolution("conv", graph.images(), {.k = 16, .has_bias = true},
                                  {before, nullptr, nullptr});
    });
    // Lanes that pad channels are features, too, and would get the scalar.
    expect_error(ErrorCode::invalid_argument, {"ShiftedConvolution", "images", "16 channels", "C20"}, [] {
        const auto before = std::make_shared<train::Parameter>(train::Parameter::vector("before", 1, {}));
        const train::Value padded{1, {{32 * 2 * 3, 1, 1, true}, false, false}};
        train::ShiftedConvolution("fc", padded, {.k = 5}, {before, nullptr, nullptr},
                                  train::ValueShape{20, 2, 3});
    });
}

TEST(BatchNormalisationErrors, NameWhatIsWrong) {
    const train::Value src{1, {{16, 4, 4}, false, false}}, other{2, {{16, 4, 5}, false, false}};
    expect_error(ErrorCode::invalid_argument, {"BatchNormalisation", "addend", "W4", "W5"},
                 [&] { train::BatchNormalisation("bn", src, other); });
    expect_error(ErrorCode::invalid_argument, {"BatchNormalisation", "src", "the images"}, [&] {
        train::BatchNormalisation("bn", train::Value{0, src.type}, true);
    });
}

}  // namespace
}  // namespace sparsetrain::test
