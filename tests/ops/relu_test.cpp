#include "sparsetrain/relu.h"

#include <cmath>
#include <limits>

#include "kernel_in_use.h"
#include "support.h"

namespace sparsetrain::test {
namespace {

class ReluTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, ReluTest, testing::Values(1, 2));

TEST_P(ReluTest, ForwardIsMaxWithZeroAndItsExactMask) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const Tensor src = small_integers(shape, 1);
        Tensor dst = stale(shape);
        Mask mask = stale_mask(shape);
        relu_forward(src.view(), dst.view(), mask.view(), workspace);
        for_each(shape, [&](int n, int c, int y, int x) {
            const float expected = std::max(src.values()[at(shape, n, c, y, x)], 0.0F);
            ASSERT_EQ(dst.values()[at(shape, n, c, y, x)], expected);
            ASSERT_EQ(bit(mask.view(), n, c, y, x), expected != 0);
        });
        for_each_padding(shape, [&](int n, int c, int y, int x) {
            ASSERT_EQ(dst.values()[at(shape, n, c, y, x)], 0);
            ASSERT_FALSE(bit(mask.view(), n, c, y, x));
        });
    }
}

TEST_P(ReluTest, BackwardKeepsWhatTheMaskKeeps) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const Tensor src = small_integers(shape, 2), diff_dst = small_integers(shape, 3);
        Tensor dst(shape), diff_src = stale(shape);
        Mask mask(shape);
        relu_forward(src.view(), dst.view(), mask.view(), workspace);
        relu_backward(diff_dst.view(), mask.view(), diff_src.view(), workspace);
        for (std::size_t i = 0; i < shape.elements(); ++i)
            ASSERT_EQ(diff_src.values()[i], src.values()[i] > 0 ? diff_dst.values()[i] : 0.0F);
    }
}

TEST_P(ReluTest, OccupancyMaskHasABitForEveryNonzero) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const Tensor tensor = small_integers(shape, 4);
        Mask mask = stale_mask(shape);
        occupancy_mask(tensor.view(), mask.view(), workspace);
        for (std::size_t i = 0; i < shape.elements(); ++i)
            ASSERT_EQ((mask.words()[i / kLanes] >> (i % kLanes) & 1) != 0, tensor.values()[i] != 0);
    }
}

TEST_P(ReluTest, NegativeZeroIsZeroAndTheSmallestAndNonFiniteValuesAreNot) {
    const Shape shape{1, 4, 1, 1};
    Tensor tensor(shape);
    tensor.values()[0] = -0.0F;
    tensor.values()[1] = std::numeric_limits<float>::min();
    tensor.values()[2] = std::numeric_limits<float>::quiet_NaN();
    tensor.values()[3] = -std::numeric_limits<float>::infinity();
    Mask mask(shape);
    occupancy_mask(tensor.view(), mask.view(), workspace);
    EXPECT_EQ(mask.words()[0], 0b1110);
}

TEST_P(ReluTest, WorksInPlace) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        Tensor values = small_integers(shape, 7), gradient = small_integers(shape, 8);
        Tensor dst(shape), diff_src(shape);
        Mask mask(shape), mask_in_place(shape);
        relu_forward(values.view(), dst.view(), mask.view(), workspace);
        relu_backward(gradient.view(), mask.view(), diff_src.view(), workspace);
        relu_forward(values.view(), values.view(), mask_in_place.view(), workspace);
        relu_backward(gradient.view(), mask.view(), gradient.view(), workspace);
        for (std::size_t i = 0; i < shape.elements(); ++i) {
            ASSERT_EQ(values.values()[i], dst.values()[i]);
            ASSERT_EQ(gradient.values()[i], diff_src.values()[i]);
            ASSERT_EQ(mask_in_place.words()[i / kLanes], mask.words()[i / kLanes]);
        }
    }
}

TEST_P(ReluTest, ArgumentsThatOverlapAreRefused) {
    const Shape shape{2, 17, 5, 7};
    Tensor twice({4, 17, 5, 7}), other(shape);
    Mask mask(shape);
    const TensorView front{twice.view().data, shape}, shifted{front.data + kLanes, shape};
    const auto words = [&](float* data) { return MaskView{reinterpret_cast<std::uint16_t*>(data), shape}; };
    float* const last = front.data + shape.elements() - kLanes;  // of front
    expect_invalid([&] { relu_forward(front, shifted, mask.view(), workspace); }, {"dst", "src", "overlaps"});
    expect_invalid([&] { relu_forward(shifted, front, mask.view(), workspace); }, {"dst", "src", "overlaps"});
    expect_invalid([&] { relu_forward(front, other.view(), words(last), workspace); },
                   {"dst_mask", "src", "overlaps"});
    expect_invalid([&] { relu_forward(front, front, words(last), workspace); },
                   {"dst_mask", "dst", "overlaps"});
    expect_invalid([&] { relu_backward(front, mask.view(), shifted, workspace); },
                   {"diff_src", "diff_dst", "overlaps"});
    expect_invalid([&] { relu_backward(other.view(), words(last), front, workspace); },
                   {"diff_src", "mask", "overlaps"});
    expect_invalid([&] { relu_backward(front, words(last), front, workspace); },
                   {"diff_src", "mask", "overlaps"});
    expect_invalid([&] { occupancy_mask(front, words(last), workspace); }, {"mask", "tensor", "overlaps"});
}

TEST(ReluErrors, NameTheFunctionTheArgumentAndBothValues) {
    Workspace workspace;
    const Shape shape{1, 16, 2, 2}, other{1, 16, 2, 3};
    Tensor src(shape), dst(shape), wrong(other);
    Mask mask(shape);
    expect_invalid([&] { relu_forward(src.view(), wrong.view(), mask.view(), workspace); },
                   {"relu_forward", "dst", "N1 C16 H2 W2", "N1 C16 H2 W3"});
    expect_invalid(
        [&] {
            relu_forward({nullptr, shape}, dst.view(), mask.view(), workspace);
        },
        {"relu_forward", "src", "null"});
    expect_invalid(
        [&] {
            relu_forward(src.view(), {dst.view().data + 1, shape}, mask.view(), workspace);
        },
        {"dst", "aligned to 64 bytes", "4 bytes off"});
    expect_invalid([&] { relu_backward(src.view(), {}, dst.view(), workspace); }, {"relu_backward", "mask"});
    expect_invalid(
        [&] {
            occupancy_mask({src.view().data, {0, 16, 2, 2}}, mask.view(), workspace);
        },
        {"occupancy_mask", "at least 1", "N0 C16 H2 W2"});
    expect_invalid(
        [&] {
            occupancy_mask({src.view().data, shape, Layout(7)}, mask.view(), workspace);
        },
        {"layout", "nchw16c", "7"});
    const Shape huge{1 << 20, 1 << 20, 1 << 20, 1 << 20};
    expect_invalid([&] { occupancy_mask({src.view().data, huge}, mask.view(), workspace); }, {"2^31"});
}

}  // namespace
}  // namespace sparsetrain::test
