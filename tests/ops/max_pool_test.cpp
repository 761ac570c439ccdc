#include "train/max_pool.h"

#include <bit>

#include "support.h"

namespace sparsetrain::test {
namespace {

class MaxPoolTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, MaxPoolTest, testing::Values(1, 2));

// Index in src of the first maximum of the window of dst's pixel (y, x).
std::size_t winner(const Tensor& src, int n, int c, int y, int x) {
    std::size_t best = at(src.shape(), n, c, 2 * y, 2 * x);
    for (int dy = 0; dy < 2; ++dy)
        for (int dx = 0; dx < 2; ++dx) {
            const std::size_t i = at(src.shape(), n, c, 2 * y + dy, 2 * x + dx);
            if (src.values()[i] > src.values()[best]) best = i;
        }
    return best;
}

TEST_P(MaxPoolTest, ForwardTakesTheMaximumAndItsExactMask) {
    for (const Shape& shape : tail_shapes(2)) {
        SCOPED_TRACE(text(shape));
        const Tensor src = small_integers(shape, 1);
        train::MaxPool2x2 pool("pool", shape);
        ASSERT_EQ(pool.dst_shape(), (Shape{shape.n, shape.c, shape.h / 2, shape.w / 2}));
        const train::Activation in{src.view(), {}};
        const train::Activation dst = pool.forward({&in, 1}, {workspace});
        for_each(pool.dst_shape(), [&](int n, int c, int y, int x) {
            const float expected = src.values()[winner(src, n, c, y, x)];
            ASSERT_EQ(dst.tensor.data[at(pool.dst_shape(), n, c, y, x)], expected);
            ASSERT_EQ(bit(dst.mask, n, c, y, x), expected != 0);
        });
        for_each_padding(pool.dst_shape(), [&](int n, int c, int y, int x) {
            ASSERT_EQ(dst.tensor.data[at(pool.dst_shape(), n, c, y, x)], 0);
            ASSERT_FALSE(bit(dst.mask, n, c, y, x));
        });
    }
}

TEST_P(MaxPoolTest, BackwardRoutesToTheFirstMaximumAndNowhereElse) {
    for (const Shape& shape : tail_shapes(2)) {
        SCOPED_TRACE(text(shape));
        const Tensor src = small_integers(shape, 2);
        train::MaxPool2x2 pool("pool", shape);
        const Tensor diff_dst = small_integers(pool.dst_shape(), 3);
        const train::Activation in{src.view(), {}};
        pool.forward({&in, 1}, {workspace});
        train::Activation diff_src;
        pool.backward({diff_dst.view(), {}}, {&diff_src, 1}, {workspace});

        Tensor expected(shape);
        Mask winners(shape);
        for_each(pool.dst_shape(), [&](int n, int c, int y, int x) {
            const std::size_t i = winner(src, n, c, y, x);
            expected.values()[i] = diff_dst.values()[at(pool.dst_shape(), n, c, y, x)];
            winners.view().data[i / kLanes] |= static_cast<std::uint16_t>(1 << i % kLanes);
        });
        for (std::size_t i = 0; i < shape.elements(); ++i)
            ASSERT_EQ(diff_src.tensor.data[i], expected.values()[i]) << i;
        for (std::size_t i = 0; i < shape.pixels(); ++i)
            ASSERT_EQ(diff_src.mask.data[i], winners.words()[i]) << i;
    }
}

TEST_P(MaxPoolTest, NothingIsComputedForAGradientThatNobodyNeeds) {
    train::MaxPool2x2 pool("pool", {1, 16, 2, 2});
    const Tensor diff_dst(pool.dst_shape());
    EXPECT_NO_THROW(pool.backward({diff_dst.view(), {}}, {}, {workspace}));
}

TEST(MaxPoolErrors, NameTheSizeThatIsTooSmallAndTheShapeThatDiffers) {
    expect_invalid([] { train::MaxPool2x2("pool", {1, 16, 1, 4}); }, {"MaxPool2x2", "height", "2", "1"});
    expect_invalid([] { train::MaxPool2x2("pool", {1, 16, 4, 1}); }, {"MaxPool2x2", "width", "2", "1"});
    Workspace workspace;
    train::MaxPool2x2 pool("pool", {1, 16, 4, 4});
    const Tensor other({1, 16, 4, 5});
    const train::Activation in{other.view(), {}};
    expect_invalid([&] { pool.forward({&in, 1}, {workspace}); }, {"MaxPool2x2::forward", "src", "W4", "W5"});
}

}  // namespace
}  // namespace sparsetrain::test
