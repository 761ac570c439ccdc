// What ran and what it skipped: kernels, observed zeros, the choice of `auto`, and that zeros are not
// multiplied.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "conv_problem.h"
#include "conv_shapes.h"

namespace sparsetrain::testing {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// Large enough for `auto` to sample, and for its choice to matter.
constexpr Extents kSampled{2, 64, 28, 28, 64, {1, 1, 1, 1}};

class ConvStatistics : public ::testing::TestWithParam<LayerClassInfo> {
  protected:
    // Runs all passes and calls expect(statistics) after each.
    template <typename Expect>
    void after_each_pass(Policy policy, int zero_percent, MaskKind mask, Expect expect) {
        const ConvProblem problem(shape_of(GetParam(), kSampled), Values::integers, {zero_percent}, 7);
        ConvRunner runner(problem, policy, 1);
        const Settings settings{policy, 1, mask, true};
        SCOPED_TRACE(describe(settings) + ", zeros " + std::to_string(zero_percent));
        runner.forward(settings);
        expect(runner.last_run());
        runner.forward_relu(settings);
        expect(runner.last_run());
        runner.backward_data(settings);
        expect(runner.last_run());
        runner.backward_weights(settings);
        expect(runner.last_run());
    }
};

TEST_P(ConvStatistics, ZerosAreThoseOfTheSparseOperand) {
    for (const Policy policy : all_policies()) {
        for (const int percent : {0, 30, 50, 90, 100}) {
            for (const MaskKind mask : {MaskKind::none, MaskKind::exact}) {
                after_each_pass(policy, percent, mask, [percent](const RunStatistics& run) {
                    // A sample of 1/64 of 100 352 elements: 5 points are over 3 standard deviations.
                    EXPECT_NEAR(run.zeros, percent, percent % 100 == 0 ? 1e-6 : 5) << to_string(run.pass);
                });
            }
        }
    }
}

TEST_P(ConvStatistics, LanesBeyondTheChannelsAreNotCounted) {
    const ConvProblem problem(shape_of(GetParam(), {2, 17, 28, 28, 17, {1, 1, 1, 1}}), Values::integers, {0},
                              7);
    for (const MaskKind mask : {MaskKind::none, MaskKind::exact}) {
        const Settings settings{Policy::zero_skip, 1, mask, false};
        ConvRunner runner(problem, settings.policy, 1);
        runner.forward(settings);
        EXPECT_EQ(runner.last_run().zeros, 0) << describe(settings);
        runner.backward_data(settings);
        EXPECT_EQ(runner.last_run().zeros, 0) << describe(settings);
    }
}

TEST_P(ConvStatistics, AutoTakesDenseWithoutZeros) {
    for (const MaskKind mask : {MaskKind::none, MaskKind::exact}) {
        after_each_pass(Policy::automatic, 0, mask, [](const RunStatistics& run) {
            EXPECT_EQ(run.kernel, Kernel::dense) << to_string(run.pass);
        });
    }
}

TEST_P(ConvStatistics, AutoTakesZeroSkipWithManyZeros) {
    for (const MaskKind mask : {MaskKind::none, MaskKind::exact}) {
        after_each_pass(Policy::automatic, 90, mask, [](const RunStatistics& run) {
            EXPECT_EQ(run.kernel, Kernel::zero_skip) << to_string(run.pass);
        });
    }
}

// Non-finite values that meet only zeros. If zeros are skipped they leave no trace; if they are
// multiplied the results are NaN. This is the documented difference of zero_skip, and counts what it skips.
class ConvSkips : public ::testing::TestWithParam<LayerClassInfo> {
  protected:
    ConvSkips()
        : problem(shape_of(GetParam(), {2, 40, 9, 11, 48, {1, 1, 1, 1}}), Values::integers, {50}, 3) {}

    // Makes a channel of the tensor zero.
    static void clear_channel(const TestTensor& tensor, int c) {
        for (int n = 0; n < tensor.shape.n; ++n)
            for (int y = 0; y < tensor.shape.h; ++y)
                for (int x = 0; x < tensor.shape.w; ++x)
                    tensor.memory[reference::lane_offset(tensor.shape, n, c, y, x)] =
                        c % 2 != 0 ? -0.0f : 0.0f;
    }
    template <typename Set>
    void for_each_weight(Set set) {
        for (int k = 0; k < problem.shape.k; ++k)
            for (int c = 0; c < problem.shape.src.c; ++c)
                for (int r = 0; r < problem.shape.filter_h; ++r)
                    for (int s = 0; s < problem.shape.filter_w; ++s)
                        set(k, c, problem.weights.at(k, c, r, s));
    }
    static long nans(const Guarded<float>& memory) {
        return std::count_if(memory.values().begin(), memory.values().end(),
                             [](float value) { return std::isnan(value); });
    }
    static std::vector<Settings> settings_for(Policy policy) {
        return {{policy, 1, MaskKind::none, true}, {policy, 2, MaskKind::exact, true}};
    }

    ConvProblem problem;
};

TEST_P(ConvSkips, ForwardLeavesOutWeightsOfZeroChannels) {
    for (const int c : {0, 5, 16, 33, 39}) clear_channel(problem.src, c);
    const auto expected = ConvReference(problem).forward(true);
    for_each_weight([](int k, int c, float& weight) {
        if (c == 0 || c == 5 || c == 16 || c == 33 || c == 39) weight = k % 2 != 0 ? kNaN : kInf;
    });
    for (const Settings& settings : settings_for(Policy::zero_skip)) {
        EXPECT_TRUE(matches(expected,
                            ConvRunner(problem, settings.policy, settings.threads).forward(settings),
                            Precision::exact))
            << describe(settings);
    }
    for (const Settings& settings : settings_for(Policy::dense)) {
        EXPECT_GT(nans(ConvRunner(problem, settings.policy, settings.threads).forward(settings).memory), 0)
            << describe(settings);
    }
}

TEST_P(ConvSkips, BackwardDataLeavesOutWeightsOfZeroChannels) {
    for (const int k : {0, 5, 16, 33, 35}) clear_channel(problem.diff_dst, k);
    const auto expected = ConvReference(problem).diff_src;
    for_each_weight([](int k, int c, float& weight) {
        if (k == 0 || k == 5 || k == 16 || k == 33 || k == 35) weight = c % 2 != 0 ? kNaN : kInf;
    });
    for (const Settings& settings : settings_for(Policy::zero_skip)) {
        EXPECT_TRUE(matches(expected,
                            ConvRunner(problem, settings.policy, settings.threads).backward_data(settings),
                            Precision::exact))
            << describe(settings);
    }
    for (const Settings& settings : settings_for(Policy::dense)) {
        EXPECT_GT(nans(ConvRunner(problem, settings.policy, settings.threads).backward_data(settings).memory),
                  0)
            << describe(settings);
    }
}

TEST_P(ConvSkips, BackwardWeightsLeavesOutDiffDstOfZeroSources) {
    for (int c = 0; c < problem.shape.src.c; ++c) clear_channel(problem.src, c);
    const auto expected = ConvReference(problem).diff_weights;
    std::fill_n(problem.diff_dst_dense.memory.data(), problem.diff_dst_dense.memory.size(), kNaN);
    for (Settings settings : settings_for(Policy::zero_skip)) {
        settings.bias = false;
        const auto result = ConvRunner(problem, settings.policy, settings.threads).backward_weights(settings);
        EXPECT_TRUE(matches(expected, result.diff_weights, Precision::exact)) << describe(settings);
    }
    for (const Settings& settings : settings_for(Policy::dense)) {
        const auto result = ConvRunner(problem, settings.policy, settings.threads).backward_weights(settings);
        EXPECT_GT(nans(result.diff_weights.memory), 0) << describe(settings);
    }
}

// Non-finite inputs that are not zero must show, whatever the kernel.
TEST_P(ConvSkips, NonFiniteValuesThatMeetNonzerosShow) {
    for (const Policy policy : all_policies()) {
        problem.src.memory[reference::lane_offset(problem.src.shape, 0, 0, 4, 4)] = kNaN;
        const Settings settings{policy, 1, MaskKind::none, true};
        ConvRunner runner(problem, policy, 1);
        EXPECT_GT(nans(runner.forward(settings).memory), 0) << describe(settings);
        const ForwardReluResult activated = runner.forward_relu(settings);
        EXPECT_GT(nans(activated.dst.memory), 0) << describe(settings);
        EXPECT_TRUE(marks_nonzeros_of(activated.dst, activated.mask)) << describe(settings);
    }
}

std::string name(const ::testing::TestParamInfo<LayerClassInfo>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Classes, ConvStatistics, ::testing::ValuesIn(layer_classes()), name);
INSTANTIATE_TEST_SUITE_P(Classes, ConvSkips, ::testing::ValuesIn(layer_classes()), name);

}  // namespace

}  // namespace sparsetrain::testing
