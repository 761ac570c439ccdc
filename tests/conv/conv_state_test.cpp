// What a plan, packed weights and a workspace keep between calls, and that it never shows in results.
#include <gtest/gtest.h>

#include <thread>

#include "class_and_policy.h"
#include "conv_problem.h"
#include "conv_shapes.h"

namespace sparsetrain::test {
namespace {

constexpr Extents kExtents{2, 33, 13, 15, 40, {1, 1, 1, 1}};

class ConvState : public ClassAndPolicyTest {
  protected:
    ConvShape shape(const Extents& extents) const { return shape_of(layer(), extents); }
};

TEST_P(ConvState, CallsWithOtherDataDoNotInterfere) {
    const Conv2d plan(shape(kExtents), policy());
    Workspace workspace(2);
    for (const unsigned seed : {1u, 2u, 3u}) {
        SCOPED_TRACE(seed);
        // Denser and sparser data by turns: nothing of a fuller list may survive.
        const ConvProblem problem(plan.shape(), Values::integers, {seed % 2 != 0 ? 10 : 95}, seed);
        expect_passes(problem, ConvReference(problem), plan, PackedWeights(problem.weights.view()),
                      workspace);
    }
}

TEST_P(ConvState, OneWorkspaceServesManyShapes) {
    Workspace workspace(2);
    for (const Extents& extents : {kExtents, Extents{1, 16, 5, 5, 16, {1, 1, 1, 1}},
                                   Extents{3, 100, 16, 29, 80, {0, 1, 1, 2}}, kExtents}) {
        const ConvProblem problem(shape(extents), Values::integers, {50}, 4);
        SCOPED_TRACE(name_of(problem.shape));
        const Conv2d plan(problem.shape, policy());
        expect_passes(problem, ConvReference(problem), plan, PackedWeights(problem.weights.view()),
                      workspace);
    }
}

TEST_P(ConvState, ChangedWeightsAreReadAfterMarkChanged) {
    const ConvProblem first(shape(kExtents), Values::integers, {50}, 5),
        second(first.shape, Values::integers, {50}, 6);
    const Conv2d plan(first.shape, policy());
    Workspace workspace;
    TestWeights master(first.shape.weights());
    std::copy_n(first.weights.memory.data(), master.memory.size(), master.memory.data());
    PackedWeights packed(master.view());
    EXPECT_EQ(packed.master().data, master.view().data);
    EXPECT_EQ(packed.master().shape, master.shape);
    expect_passes(first, ConvReference(first), plan, packed, workspace);
    std::copy_n(second.weights.memory.data(), master.memory.size(), master.memory.data());
    packed.mark_changed();
    expect_passes(second, ConvReference(second), plan, packed, workspace);
}

TEST_P(ConvState, MovedObjectsKeepWorking) {
    const ConvProblem problem(shape(kExtents), Values::integers, {50}, 8);
    Conv2d plan(problem.shape, policy()), moved_plan(std::move(plan));
    PackedWeights packed(problem.weights.view()), moved_packed(std::move(packed));
    Workspace workspace(2), moved_workspace(std::move(workspace));
    EXPECT_EQ(moved_workspace.threads(), 2);
    EXPECT_EQ(moved_plan.policy(), policy());
    EXPECT_STREQ(moved_plan.layer_class(), layer().name);
    expect_passes(problem, ConvReference(problem), moved_plan, moved_packed, moved_workspace);
}

TEST_P(ConvState, RepeatedCallsAgreeBitForBit) {
    const ConvProblem problem(shape(kExtents), Values::reals, {50}, 9);
    for (const int threads : {1, 2, 3}) {
        const Settings settings{policy(), threads, MaskKind::none, true};
        ConvRunner once(problem, policy(), threads), again(problem, policy(), threads);
        for (int repeat = 0; repeat < 4; ++repeat) {
            EXPECT_TRUE(
                same_bits(once.forward(settings).memory.values(), again.forward(settings).memory.values()));
            if (layer_of(problem.shape).backward_data) {
                EXPECT_TRUE(same_bits(once.backward_data_masked(settings).diff_src.memory.values(),
                                      again.backward_data_masked(settings).diff_src.memory.values()));
            }
            for (const Operand sparse : kOperands) {
                const auto a = once.backward_weights(settings, sparse),
                           b = again.backward_weights(settings, sparse);
                EXPECT_TRUE(same_bits(a.diff_weights.memory.values(), b.diff_weights.memory.values()));
                EXPECT_TRUE(same_bits(a.diff_bias->values(), b.diff_bias->values()));
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Classes, ConvState, every_class_and_policy(), name_of_class_and_policy);

class MeasuredChoices : public ::testing::TestWithParam<LayerClassInfo> {};

// While `auto` tries kernels in turn, in two threads at a time, whose calls take what they take.
TEST_P(MeasuredChoices, ComputeTheSame) {
    constexpr int kCalls = 30;
    const ConvProblem problem(shape_of(GetParam(), kExtents), Values::integers, {50}, 10);
    const ConvReference reference(problem);
    const Conv2d plan(problem.shape);
    EXPECT_EQ(plan.choice(), Choice::measured);
    const PackedWeights packed(problem.weights.view());
    const auto call_often = [&](int threads) {
        Workspace workspace(threads);
        for (int call = 0; call < kCalls; ++call) expect_passes(problem, reference, plan, packed, workspace);
    };
    std::thread other(call_often, 1);
    call_often(2);
    other.join();
}

INSTANTIATE_TEST_SUITE_P(Classes, MeasuredChoices, ::testing::ValuesIn(layer_classes()),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace sparsetrain::test
