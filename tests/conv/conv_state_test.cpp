// What a plan, packed weights and a workspace keep between calls, and that it never shows in results.
#include <gtest/gtest.h>

#include <future>

#include "conv_problem.h"
#include "conv_shapes.h"

namespace sparsetrain::test {
namespace {

constexpr Extents kExtents{2, 33, 13, 15, 40, {1, 1, 1, 1}};

class ConvState : public ::testing::TestWithParam<std::tuple<LayerClassInfo, Policy>> {
  protected:
    ConvShape shape(const Extents& extents) const { return shape_of(std::get<0>(GetParam()), extents); }
    Policy policy() const { return std::get<1>(GetParam()); }
};

void expect_backward_data(const ConvProblem& problem, const ConvReference& reference, const Conv2d& plan,
                          const PackedWeights& packed, Workspace& workspace) {
    TestTensor diff_src(problem.shape.src), masked_diff_src(problem.shape.src);
    Random random(1);
    const TestMask relu_mask = make_mask(problem.src, MaskKind::exact, random);
    plan.backward_data(problem.diff_dst.view(), packed, masked_diff_src.view(), workspace, relu_mask.view());
    EXPECT_TRUE(matches(reference.masked_diff_src(relu_mask), masked_diff_src, precision_of(problem.values)));
    if (plan.policy() == Policy::output_mask) return;
    plan.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace);
    EXPECT_TRUE(matches(reference.diff_src, diff_src, precision_of(problem.values)));
}

// Every pass of `problem` on objects that the caller has used before.
void expect_passes(const ConvProblem& problem, const ConvReference& reference, const Conv2d& plan,
                   const PackedWeights& packed, Workspace& workspace) {
    const Precision precision = precision_of(problem.values);
    TestTensor dst(problem.shape.dst()), activated(problem.shape.dst());
    TestMask mask(problem.shape.dst());
    TestWeights by_src(problem.shape.weights()), by_diff_dst(problem.shape.weights());
    plan.forward(problem.src.view(), packed, problem.bias.values(), dst.view(), workspace);
    plan.forward_relu(problem.src.view(), packed, {}, activated.view(), mask.view(), workspace);
    if (layer_of(problem.shape).backward_data)
        expect_backward_data(problem, reference, plan, packed, workspace);
    plan.backward_weights(problem.src.view(), problem.diff_dst_dense.view(), by_src.view(), {}, workspace);
    plan.backward_weights(problem.src_dense.view(), problem.diff_dst.view(), by_diff_dst.view(), {},
                          workspace);
    EXPECT_TRUE(matches(reference.forward(true), dst, precision));
    EXPECT_TRUE(matches(reference.forward_relu(false), activated, precision));
    EXPECT_TRUE(marks_nonzeros_of(activated, mask));
    EXPECT_TRUE(matches(reference.by_src.weights, by_src, precision));
    EXPECT_TRUE(matches(reference.by_diff_dst.weights, by_diff_dst, precision));
}

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
    EXPECT_STREQ(moved_plan.layer_class(), std::get<0>(GetParam()).name);
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

// One plan and one set of packed weights, whose packings are made by whichever thread comes first.
TEST_P(ConvState, OnePlanServesThreadsWithTheirOwnWorkspaces) {
    const ConvProblem problem(shape(kExtents), Values::integers, {50}, 10);
    const ConvReference reference(problem);
    const Conv2d plan(problem.shape, policy());
    for (int round = 0; round < 5; ++round) {
        const PackedWeights packed(problem.weights.view());
        const auto run = [&] {
            Workspace workspace(2);
            for (int call = 0; call < 4; ++call) expect_passes(problem, reference, plan, packed, workspace);
        };
        auto other = std::async(std::launch::async, run);
        run();
        other.get();
    }
}

std::string name(const ::testing::TestParamInfo<std::tuple<LayerClassInfo, Policy>>& info) {
    return std::string(std::get<0>(info.param).name) + "_" + to_string(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Classes, ConvState,
                         ::testing::Combine(::testing::ValuesIn(layer_classes()),
                                            ::testing::ValuesIn(all_policies())),
                         name);

}  // namespace
}  // namespace sparsetrain::test
