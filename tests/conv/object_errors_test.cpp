// Objects that cannot be made, and calls on objects that were moved from.
#include <gtest/gtest.h>

#include <limits>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "expect_error.h"
#include "sparsetrain/layout.h"
#include "sparsetrain/relu.h"

namespace sparsetrain::test {
namespace {

constexpr auto kInvalid = ErrorCode::invalid_argument;
constexpr int kHuge = std::numeric_limits<int>::max();

TEST(ErrorsOfTensors, SizesBelowOneAndBeyondIndexing) {
    for (const auto& [shape, text] : std::initializer_list<std::pair<Shape, const char*>>{
             {{0, 16, 4, 4}, "N0 C16 H4 W4"},
             {{1, 0, 4, 4}, "N1 C0 H4 W4"},
             {{1, 16, -4, 4}, "N1 C16 H-4 W4"},
             {{1, 16, 4, -kHuge - 1}, "W-2147483648"},
             {{}, "N0 C0 H0 W0"},
             {{1 << 30, 1 << 30, 4, 1}, "N1073741824 C1073741824 H4 W1"},  // 2^64 bytes
             {{kHuge, kHuge, kHuge, kHuge}, "N2147483647 C2147483647"},
             {{1, 1, 1 << 27, 1}, "H134217728"}}) {  // 2^31 elements with the padding lanes
        expect_error(kInvalid, {"Tensor", "shape", text}, [&, s = shape] { Tensor tensor(s); });
        expect_error(kInvalid, {"Mask", "shape", text}, [&, s = shape] { Mask mask(s); });
    }
}

TEST(ErrorsOfTensors, WeightsSizesBelowOneAndBeyondIndexing) {
    for (const auto& [shape, text] : std::initializer_list<std::pair<WeightsShape, const char*>>{
             {{0, 16, 3, 3}, "K0 C16 R3 S3"},
             {{16, 16, 3, -3}, "K16 C16 R3 S-3"},
             {{1 << 30, 1 << 30, 4, 1}, "K1073741824 C1073741824 R4 S1"},
             {{kHuge, kHuge, kHuge, kHuge}, "S2147483647"}}) {
        expect_error(kInvalid, {"Weights", "shape", text}, [&, s = shape] { Weights weights(s); });
    }
}

TEST(ErrorsOfTensors, CountsThatNoMemoryHolds) {
    const std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(float);
    for (const std::size_t count : {most + 1, (std::size_t{1} << 62) + 16, ~std::size_t{0}}) {
        expect_error(kInvalid, {"AlignedArray", std::to_string(most), std::to_string(count)},
                     [&] { AlignedArray<float> array(count); });
    }
}

TEST(EmptyTensors, AreMadeWithoutAShape) {
    EXPECT_EQ(Tensor().values().size(), 0u);
    EXPECT_EQ(Mask().words().size(), 0u);
    EXPECT_EQ(Weights().values().size(), 0u);
    EXPECT_EQ(AlignedArray<float>(0).size(), 0u);
}

// A good call of every function, with what an object may be replaced in.
class MovedFrom : public ::testing::Test {
  protected:
    void expect_every_pass_to_fail(const char* object) {
        const auto fails = [&](auto call) { expect_error(kInvalid, {object, "moved from"}, call); };
        fails([&] { plan.forward(problem.src.view(), packed, {}, dst.view(), workspace); });
        fails([&] { plan.forward_relu(problem.src.view(), packed, {}, dst.view(), mask.view(), workspace); });
        fails([&] { plan.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace); });
    }
    void expect_backward_weights_to_fail(const char* object) {
        expect_error(kInvalid, {object, "moved from"}, [&] {
            plan.backward_weights(problem.src.view(), problem.diff_dst.view(), diff_weights.view(), {},
                                  workspace);
        });
    }

    ConvProblem problem{
        shape_of(classes_with(&LayerClassInfo::backward_data).front(), {2, 17, 9, 11, 40, {}}),
        Values::integers,
        {50},
        1};
    Conv2d plan{problem.shape};
    PackedWeights packed{problem.weights.view()};
    Workspace workspace;
    TestTensor dst{problem.shape.dst()}, diff_src{problem.shape.src};
    TestMask mask{problem.shape.dst()};
    TestWeights diff_weights{problem.shape.weights()};
};

TEST_F(MovedFrom, PlansRefuseEveryCall) {
    const Conv2d moved(std::move(plan));
    expect_every_pass_to_fail("Conv2d");
    expect_backward_weights_to_fail("Conv2d");
    expect_error(kInvalid, {"Conv2d"}, [&] { static_cast<void>(plan.shape()); });
    expect_error(kInvalid, {"Conv2d"}, [&] { static_cast<void>(plan.policy()); });
    expect_error(kInvalid, {"Conv2d"}, [&] { static_cast<void>(plan.layer_class()); });
}

TEST_F(MovedFrom, PackedWeightsRefuseEveryCall) {
    const PackedWeights moved(std::move(packed));
    expect_every_pass_to_fail("PackedWeights");
    expect_error(kInvalid, {"PackedWeights"}, [&] { packed.mark_changed(); });
    expect_error(kInvalid, {"PackedWeights"}, [&] { static_cast<void>(packed.master()); });
}

TEST_F(MovedFrom, WorkspacesRefuseEveryCall) {
    const Workspace moved(std::move(workspace));
    for (const Policy policy : {Policy::automatic, Policy::dense, Policy::zero_skip}) {
        plan = Conv2d(problem.shape, policy);
        expect_every_pass_to_fail("Workspace");
        expect_backward_weights_to_fail("Workspace");
    }
    expect_error(kInvalid, {"Workspace"}, [&] { static_cast<void>(workspace.threads()); });
    expect_error(kInvalid, {"Workspace"}, [&] { workspace.set_threads(2); });
    expect_error(kInvalid, {"Workspace"},
                 [&] { occupancy_mask(problem.diff_dst.view(), mask.view(), workspace); });
    std::vector<float> plain(dst.shape.elements());
    expect_error(kInvalid, {"Workspace"},
                 [&] { nchw16c_to_nchw(problem.diff_dst.view(), plain.data(), workspace); });
}

TEST_F(MovedFrom, ObjectsWorkAgainOnceTheyAreAssigned) {
    Conv2d other_plan(std::move(plan));
    PackedWeights other_packed(std::move(packed));
    Workspace other_workspace(std::move(workspace));
    plan = std::move(other_plan);
    packed = std::move(other_packed);
    workspace = std::move(other_workspace);
    expect_passes(problem, ConvReference(problem), plan, packed, workspace);
}

}  // namespace
}  // namespace sparsetrain::test
