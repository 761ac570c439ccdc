// What is known of a mask's bits: who makes it counts them, and no call does it again.
#include <gtest/gtest.h>

#include <bit>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "sparsetrain/relu.h"

namespace sparsetrain::test {
namespace {

std::int64_t bits_of(const Mask& mask) {
    std::int64_t bits = 0;
    for (const std::uint16_t word : mask.words()) bits += std::popcount(word);
    return bits;
}

std::int64_t known_bits(const Mask& mask) {
    return *mask.view().set_bits;
}

class MaskBits : public ::testing::Test {
  protected:
    const ConvShape shape_ = shape_of(layer_classes().front(), {2, 40, 14, 15, 33, {1, 1, 1, 1}});
    const ConvProblem problem_{shape_, Values::integers, {60}, 1};
    const Conv2d plan_{shape_};
    const PackedWeights packed_{problem_.weights.view()};
    Workspace workspace_{2};
    Tensor dst_{shape_.dst()};
    Mask src_mask_{shape_.src}, dst_mask_{shape_.dst()};
};

TEST_F(MaskBits, AreKnownOnceTheMaskIsMade) {
    EXPECT_EQ(known_bits(src_mask_), kNotCounted);
    occupancy_mask(problem_.src.view(), src_mask_.view(), workspace_);
    EXPECT_GT(bits_of(src_mask_), 0);
    EXPECT_EQ(known_bits(src_mask_), bits_of(src_mask_));
    plan_.forward_relu(problem_.src.view(), packed_, {}, dst_.view(), dst_mask_.view(), workspace_);
    EXPECT_GT(bits_of(dst_mask_), 0);
    EXPECT_EQ(known_bits(dst_mask_), bits_of(dst_mask_));
    dst_mask_.view().mark_changed();
    relu_forward(problem_.diff_dst.view(), dst_.view(), dst_mask_.view(), workspace_);
    EXPECT_EQ(known_bits(dst_mask_), bits_of(dst_mask_));
}

// A call that counted would see others.
TEST_F(MaskBits, ThatAreKnownAreNotCountedAgain) {
    occupancy_mask(problem_.src.view(), src_mask_.view(), workspace_);
    const auto zeros = [&](const ConstMaskView& mask) {
        return plan_.forward({problem_.src.view(), mask}, packed_, {}, dst_.view(), workspace_).zeros;
    };
    const double right = zeros(src_mask_.view());
    EXPECT_NEAR(right, 60, 3);
    *src_mask_.view().set_bits = 0;
    EXPECT_EQ(zeros(src_mask_.view()), 100);
    EXPECT_EQ(zeros({src_mask_.view().data, shape_.src}), right);  // which has nowhere to keep them
    src_mask_.view().mark_changed();
    EXPECT_EQ(zeros(src_mask_.view()), right);
    EXPECT_EQ(known_bits(src_mask_), bits_of(src_mask_));
}

// Around the words of a task and of a vector.
TEST_F(MaskBits, AreCountedInMasksOfAnySize) {
    Random random(2);
    for (const int width : {1, 31, 32, 33, 1000, 8191, 8192, 8193, 3 * 8192 + 5}) {
        Mask mask(Shape{1, 16, 1, width});
        const Tensor tensor(mask.shape());
        for (int i = 0; i < width; ++i) mask.view().data[i] = static_cast<std::uint16_t>(random());
        const Conv2d plan({.src = mask.shape(), .k = 16, .padding = {1, 1, 1, 1}});
        const Weights weights(plan.shape().weights());
        Tensor dst(plan.shape().dst());
        for (const int threads : {1, 3}) {
            Workspace workspace(threads);
            mask.view().mark_changed();
            plan.forward({tensor.view(), mask.view()}, PackedWeights(weights.view()), {}, dst.view(),
                         workspace);
            EXPECT_EQ(known_bits(mask), bits_of(mask)) << width;
        }
    }
}

}  // namespace
}  // namespace sparsetrain::test
