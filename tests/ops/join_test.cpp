#include "sparsetrain/join.h"

#include <cmath>
#include <limits>

#include "sparsetrain/relu.h"
#include "support.h"

namespace sparsetrain::test {
namespace {

class JoinTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, JoinTest, testing::Values(1, 2));

TEST_P(JoinTest, AddReluIsTheSumThroughReluAndItsExactMask) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const Tensor a = small_integers(shape, 1), b = small_integers(shape, 2);
        Tensor dst = stale(shape);
        Mask mask = stale_mask(shape);
        add_relu(a.view(), b.view(), dst.view(), mask.view(), workspace);
        for (std::size_t i = 0; i < shape.elements(); ++i) {
            const float expected = std::max(a.values()[i] + b.values()[i], 0.0F);
            ASSERT_EQ(dst.values()[i], expected);
            ASSERT_EQ((mask.words()[i / kLanes] >> (i % kLanes) & 1) != 0, expected != 0);
        }
    }
}

// What reaches the input of a residual block: from the block and past it, through the ReLU before the fork.
TEST_P(JoinTest, GradientsOfAForkAreAddedWhereItsReluKeeps) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const Tensor src = small_integers(shape, 3), a = small_integers(shape, 4),
                     b = small_integers(shape, 5);
        Tensor dst(shape), sum = stale(shape);
        Mask mask(shape);
        relu_forward(src.view(), dst.view(), mask.view(), workspace);
        add_gradients(a.view(), b.view(), mask.view(), sum.view(), workspace);
        for (std::size_t i = 0; i < shape.elements(); ++i)
            ASSERT_EQ(sum.values()[i], src.values()[i] > 0 ? a.values()[i] + b.values()[i] : 0.0F);
        add_gradients(a.view(), b.view(), {}, sum.view(), workspace);
        for (std::size_t i = 0; i < shape.elements(); ++i)
            ASSERT_EQ(sum.values()[i], a.values()[i] + b.values()[i]);
    }
}

// The gradients of sum(max(0, a + b) * weights) by a and b are both what relu_backward leaves of the weights:
// no sum is so near to zero that a step of 1/4 crosses it.
TEST_P(JoinTest, BackwardOfAddReluIsThatOfFiniteDifferences) {
    const Shape shape{2, 20, 3, 3};
    const Tensor a = small_integers(shape, 6), b = small_integers(shape, 7),
                 weights = small_integers(shape, 8);
    Tensor dst(shape), gradient(shape);
    Mask mask(shape);
    add_relu(a.view(), b.view(), dst.view(), mask.view(), workspace);
    relu_backward(weights.view(), mask.view(), gradient.view(), workspace);
    for (std::size_t i = 0; i < shape.elements(); ++i) {
        const double sum = a.values()[i] + b.values()[i];
        if (sum == 0) continue;  // has no derivative
        const auto loss = [&](double step) { return std::max(sum + step, 0.0) * weights.values()[i]; };
        ASSERT_EQ(gradient.values()[i], (loss(0.25) - loss(-0.25)) / 0.5);
    }
}

TEST_P(JoinTest, WorksInPlaceOfEitherTerm) {
    const Shape shape{3, 33, 9, 7};
    const Tensor a = small_integers(shape, 9), b = small_integers(shape, 10);
    Tensor dst(shape), sum(shape), in_place_of_a = small_integers(shape, 9),
                                   in_place_of_b = small_integers(shape, 10);
    Mask mask(shape), mask_in_place(shape);
    add_relu(a.view(), b.view(), dst.view(), mask.view(), workspace);
    add_gradients(a.view(), b.view(), mask.view(), sum.view(), workspace);
    add_relu(in_place_of_a.view(), b.view(), in_place_of_a.view(), mask_in_place.view(), workspace);
    add_gradients(a.view(), in_place_of_b.view(), mask.view(), in_place_of_b.view(), workspace);
    for (std::size_t i = 0; i < shape.elements(); ++i) {
        ASSERT_EQ(in_place_of_a.values()[i], dst.values()[i]);
        ASSERT_EQ(in_place_of_b.values()[i], sum.values()[i]);
        ASSERT_EQ(mask_in_place.words()[i / kLanes], mask.words()[i / kLanes]);
    }
}

TEST_P(JoinTest, NaNStaysVisible) {
    const Shape shape{1, 16, 1, 1};
    Tensor a(shape), b(shape), dst(shape);
    a.values()[0] = std::numeric_limits<float>::quiet_NaN();
    a.values()[1] = std::numeric_limits<float>::infinity();
    b.values()[1] = -std::numeric_limits<float>::infinity();
    a.values()[2] = -std::numeric_limits<float>::infinity();
    Mask mask(shape);
    add_relu(a.view(), b.view(), dst.view(), mask.view(), workspace);
    EXPECT_TRUE(std::isnan(dst.values()[0]));
    EXPECT_TRUE(std::isnan(dst.values()[1]));
    EXPECT_EQ(dst.values()[2], 0);
    EXPECT_EQ(mask.words()[0], 0b011);
}

TEST(JoinErrors, NameTheFunctionTheArgumentAndBothValues) {
    Workspace workspace;
    const Shape shape{1, 16, 2, 2};
    Tensor a(shape), b(shape), dst(shape), wrong({1, 16, 2, 3});
    Mask mask(shape);
    expect_invalid([&] { add_relu(a.view(), wrong.view(), dst.view(), mask.view(), workspace); },
                   {"add_relu", "b", "N1 C16 H2 W2", "N1 C16 H2 W3"});
    expect_invalid([&] { add_relu(a.view(), b.view(), dst.view(), {}, workspace); },
                   {"add_relu", "dst_mask"});
    expect_invalid([&] { add_gradients(a.view(), b.view(), mask.view(), wrong.view(), workspace); },
                   {"add_gradients", "sum", "N1 C16 H2 W3"});
    Tensor twice({2, 16, 2, 2});
    const TensorView front{twice.view().data, shape}, shifted{front.data + kLanes, shape};
    expect_invalid([&] { add_gradients(front, b.view(), mask.view(), shifted, workspace); },
                   {"sum", "a", "overlaps"});
}

}  // namespace
}  // namespace sparsetrain::test
