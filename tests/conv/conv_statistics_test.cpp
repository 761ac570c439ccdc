// What ran and what it saw: kernels, observed zeros and the choice of `auto`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "schedules/costs.h"

namespace sparsetrain::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Large enough for `auto` to sample dst, too, and for its choice to matter.
ConvShape sampled_shape(const LayerClassInfo& layer, int channels = 64) {
    const int size = 28 * layer.stride;
    return shape_of(layer, {2, channels, size, size, channels, {1, 1, 1, 1}});
}

class ConvStatistics : public ::testing::TestWithParam<LayerClassInfo> {
  protected:
    // Runs all passes and calls expect(statistics) after each.
    template <typename Expect>
    void after_each_pass(Policy policy, int zero_percent, MaskKind mask, Expect expect) {
        const ConvProblem problem(sampled_shape(GetParam()), Values::integers, {zero_percent}, 7);
        ConvRunner runner(problem, policy, 1);
        const Settings settings{policy, 1, mask, true};
        SCOPED_TRACE(describe(settings) + ", zeros " + std::to_string(zero_percent));
        runner.forward(settings);
        expect(runner.last_run());
        EXPECT_EQ(runner.last_run().skipped, Operand::src);
        runner.forward_relu(settings);
        expect(runner.last_run());
        if (GetParam().backward_data) after_backward_data(runner, settings, expect);
        for (const Operand sparse : kOperands) {
            ConvRunner first_call(problem, policy, 1);
            first_call.backward_weights(settings, sparse);
            expect(first_call.last_run());
            if (zero_percent > 0) {
                EXPECT_EQ(first_call.last_run().skipped, sparse);
            }
        }
    }

    template <typename Expect>
    void after_backward_data(ConvRunner& runner, const Settings& settings, Expect expect) {
        if (settings.policy != Policy::output_mask) {
            runner.backward_data(settings);
            expect(runner.last_run());
            EXPECT_EQ(runner.last_run().skipped, Operand::diff_dst);
        }
        runner.backward_data_masked(settings);
        expect(runner.last_run());
        if (runner.last_run().kernel != Kernel::dense) {
            const bool by_mask = runner.last_run().kernel == Kernel::output_mask;
            EXPECT_EQ(runner.last_run().skipped, by_mask ? Operand::src : Operand::diff_dst);
        }
    }

    // bwd_weights where both operands have zeros.
    RunStatistics after_backward_weights(const Conv2d& plan, int zeros_src, int zeros_diff_dst, MaskKind mask,
                                         Workspace& workspace) {
        Random random(11);
        const ConvShape& shape = plan.shape();
        const TestTensor src = make_tensor(shape.src, Values::integers, {zeros_src}, random),
                         diff_dst = make_tensor(shape.dst(), Values::integers, {zeros_diff_dst}, random);
        const TestMask src_mask = make_mask(src, MaskKind::exact, random),
                       diff_dst_mask = make_mask(diff_dst, MaskKind::exact, random);
        const TestWeights result(shape.weights());
        const bool masks = mask != MaskKind::none;
        const RunStatistics run = plan.backward_weights(
            {src.view(), masks ? ConstMaskView(src_mask.view()) : ConstMaskView()},
            {diff_dst.view(), masks ? ConstMaskView(diff_dst_mask.view()) : ConstMaskView()}, result.view(),
            {}, workspace);
        EXPECT_TRUE(matches(reference::backward_weights(shape, src.view(), diff_dst.view()), result, kExact));
        return run;
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
    const ConvProblem problem(sampled_shape(GetParam(), 17), Values::integers, {0}, 7);
    for (const MaskKind mask : {MaskKind::none, MaskKind::exact}) {
        const Settings settings{Policy::zero_skip, 1, mask, false};
        ConvRunner runner(problem, settings.policy, 1);
        runner.forward(settings);
        EXPECT_EQ(runner.last_run().zeros, 0) << describe(settings);
        runner.backward_data(settings);
        EXPECT_EQ(runner.last_run().zeros, 0) << describe(settings);
        runner.backward_weights(settings, Operand::src);
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

TEST_P(ConvStatistics, AutoSkipsManyZeros) {
    for (const MaskKind mask : {MaskKind::none, MaskKind::exact}) {
        after_each_pass(Policy::automatic, 90, mask, [](const RunStatistics& run) {
            EXPECT_NE(run.kernel, Kernel::dense) << to_string(run.pass);
        });
    }
}

// While `auto` learns, a call says that it was for that, and after a few no call is.
TEST_P(ConvStatistics, TrialsAreCalledSoAndEnd) {
    constexpr int kCalls = 64;
    const ConvProblem problem(sampled_shape(GetParam()), Values::integers, {50}, 7);
    const PackedWeights packed(problem.weights.view());
    TestTensor dst(problem.shape.dst());
    Workspace workspace(1);
    for (const Choice choice : {Choice::measured, Choice::tables}) {
        const Conv2d plan(problem.shape, Policy::automatic, choice);
        const auto is_trial = [&] {
            return plan.forward(problem.src.view(), packed, {}, dst.view(), workspace).is_trial;
        };
        const bool learns = choice == Choice::measured && kernels_of(GetParam(), Pass::fwd).size() > 1;
        EXPECT_EQ(is_trial(), learns);
        bool last = true;
        for (int call = 0; call < kCalls && last; ++call) last = is_trial();
        EXPECT_FALSE(last);
    }
}

void overwrite(const TestTensor& to, const TestTensor& from) {
    std::copy_n(from.memory.data(), from.memory.size(), to.memory.data());
}

// By its ReLU's mask bwd_data skips even where diff_dst is dense. (On some cores it never pays with few
// channels to sum over.)
TEST_P(ConvStatistics, AutoTakesOutputMaskWhereOnlySrcIsSparse) {
    ConvShape shape = sampled_shape(GetParam());
    shape.k = 256;
    ConvProblem problem(shape, Values::integers, {90}, 7);
    overwrite(problem.diff_dst, problem.diff_dst_dense);
    const Settings settings{Policy::automatic, 1, MaskKind::none, true};
    ConvRunner runner(problem, settings.policy, settings.threads);
    runner.backward_data(settings);
    EXPECT_EQ(runner.last_run().kernel, Kernel::dense);
    EXPECT_EQ(runner.last_run().skipped, Operand::diff_dst);
    runner.backward_data_masked(settings);
    EXPECT_EQ(runner.last_run().kernel, Kernel::output_mask);
    EXPECT_EQ(runner.last_run().skipped, Operand::src);
    EXPECT_NEAR(runner.last_run().zeros, 90, 0.1);
}

// ... and by diff_dst where that is sparser than the mask.
TEST_P(ConvStatistics, AutoTakesZeroSkipWhereOnlyDiffDstIsSparse) {
    ConvProblem problem(sampled_shape(GetParam()), Values::integers, {90}, 7);
    overwrite(problem.src, make_tensor(problem.src.shape, Values::integers, {30}, problem.random));
    const Settings settings{Policy::automatic, 1, MaskKind::none, true};
    ConvRunner runner(problem, settings.policy, settings.threads);
    runner.backward_data_masked(settings);
    EXPECT_EQ(runner.last_run().kernel, Kernel::zero_skip);
    EXPECT_EQ(runner.last_run().skipped, Operand::diff_dst);
}

TEST_P(ConvStatistics, BackwardWeightsSkipsTheSparserOperand) {
    for (const Policy policy : {Policy::zero_skip, Policy::automatic}) {
        for (const MaskKind mask : {MaskKind::none, MaskKind::exact}) {
            const Conv2d plan(sampled_shape(GetParam()), policy, Choice::tables);
            Workspace workspace;
            for (const auto& [zeros_src, zeros_diff_dst] : {std::pair{50, 90}, std::pair{80, 60}}) {
                const RunStatistics run =
                    after_backward_weights(plan, zeros_src, zeros_diff_dst, mask, workspace);
                EXPECT_EQ(run.kernel, Kernel::zero_skip);
                EXPECT_EQ(run.skipped, zeros_src > zeros_diff_dst ? Operand::src : Operand::diff_dst);
                EXPECT_NEAR(run.zeros, std::max(zeros_src, zeros_diff_dst),
                            mask == MaskKind::exact ? 0.01 : 5);
            }
        }
    }
}

// A point of difference decides, whatever ran before.
TEST_P(ConvStatistics, BackwardWeightsLooksAnewInEveryCall) {
    for (const Policy policy : {Policy::zero_skip, Policy::automatic}) {
        const Conv2d plan(sampled_shape(GetParam()), policy, Choice::tables);
        Workspace workspace;
        const auto skipped = [&](int zeros_src, int zeros_diff_dst) {
            return after_backward_weights(plan, zeros_src, zeros_diff_dst, MaskKind::exact, workspace)
                .skipped;
        };
        EXPECT_EQ(skipped(80, 81), Operand::diff_dst);
        EXPECT_EQ(skipped(82, 81), Operand::src);
        EXPECT_EQ(skipped(84, 85), Operand::diff_dst);
    }
}

// The first convolution of a network has next to no channels: dense, however sparse its diff_dst is.
TEST_P(ConvStatistics, AutoRunsFirstConvolutionsDense) {
    const Conv2d plan(shape_of(GetParam(), {2, 3, 28, 28, 64, {1, 1, 1, 1}}));
    Workspace workspace;
    const RunStatistics run = after_backward_weights(plan, 0, 90, MaskKind::exact, workspace);
    EXPECT_EQ(run.kernel, Kernel::dense);
    EXPECT_EQ(run.skipped, Operand::diff_dst);
}

// Small images have a cost of their own in bwd_weights.
TEST_P(ConvStatistics, AutoLooksAtTheWidthOfImages) {
    constexpr int kChannels = 32;
    for (const auto& [width, images] : {std::pair{7, schedules::kNarrowImages}, {8, ""}}) {
        const double cost =
            schedules::cost_of(microarchitecture(), GetParam().name, "bwd_weights", "zero_skip", images)
                .at(kChannels, 0);
        const Conv2d plan(shape_of(GetParam(), {4, kChannels, width, width, kChannels, {1, 1, 1, 1}}),
                          Policy::automatic, Choice::tables);
        Workspace workspace;
        EXPECT_EQ(after_backward_weights(plan, 0, 0, MaskKind::exact, workspace).kernel,
                  cost >= 1 ? Kernel::dense : Kernel::zero_skip)
            << width;
    }
}

// Whatever the policy and the zeros, a class without other kernels runs dense, and tells what it saw.
class ConvDenseOnly : public ConvStatistics {};

TEST_P(ConvDenseOnly, EveryPolicyRunsDense) {
    for (const Policy policy : all_policies()) {
        for (const int percent : {0, 50, 90, 100}) {
            for (const MaskKind mask : {MaskKind::none, MaskKind::exact}) {
                after_each_pass(policy, percent, mask, [percent](const RunStatistics& run) {
                    EXPECT_FALSE(run.skips) << to_string(run.pass);
                    if (kernels_of(GetParam(), run.pass).size() == 1) {
                        EXPECT_EQ(run.kernel, Kernel::dense) << to_string(run.pass);
                    }
                    EXPECT_NEAR(run.zeros, percent, percent % 100 == 0 ? 1e-6 : 5) << to_string(run.pass);
                });
            }
        }
    }
}

TEST_P(ConvDenseOnly, EveryPolicyShowsWhatIsNotFinite) {
    for (const Policy policy : all_policies()) {
        ConvProblem problem(sampled_shape(GetParam(), 16), Values::integers, {100}, 3);
        problem.weights.at(0, 0, 0, 0) = kInf;
        const TestTensor dst = ConvRunner(problem, policy, 1).forward({policy, 1, MaskKind::exact, false});
        EXPECT_TRUE(std::isnan(dst.memory[reference::lane_offset(dst.shape, 0, 0, 4, 4)]))
            << to_string(policy);
    }
}

std::string name(const ::testing::TestParamInfo<LayerClassInfo>& info) {
    return info.param.name;
}

// On `baseline` no class skips zeros.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConvStatistics);
INSTANTIATE_TEST_SUITE_P(Classes, ConvStatistics,
                         ::testing::ValuesIn(classes_with(&LayerClassInfo::skips_zeros)), name);
INSTANTIATE_TEST_SUITE_P(Classes, ConvDenseOnly,
                         ::testing::ValuesIn(classes_without(&LayerClassInfo::skips_zeros)), name);

}  // namespace

}  // namespace sparsetrain::test
