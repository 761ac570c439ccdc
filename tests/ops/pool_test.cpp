#include "sparsetrain/pool.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "sparsetrain/relu.h"
#include "support.h"

namespace sparsetrain::test {
namespace {

using Choices = AlignedArray<std::uint8_t>;

// A window on an image: every tail of size, stride and padding.
struct Case {
    Shape src;
    PoolWindow window;
};

std::vector<Case> cases() {
    std::vector<Case> all;
    const PoolWindow windows[] = {
        {2, 2, 2, 2, {0, 0, 0, 0}}, {3, 3, 2, 2, {1, 1, 1, 1}}, {3, 3, 1, 1, {1, 1, 1, 1}},
        {3, 2, 1, 3, {2, 0, 1, 1}}, {1, 1, 1, 1, {0, 0, 0, 0}}, {2, 5, 3, 2, {1, 4, 0, 3}},
        {1, 3, 2, 4, {0, 2, 0, 0}}, {4, 4, 4, 4, {3, 3, 3, 3}}, {7, 7, 7, 7, {0, 0, 0, 0}}};
    for (const PoolWindow& window : windows)
        for (const Shape& src :
             {Shape{1, 16, 7, 7}, Shape{3, 17, 9, 8}, Shape{2, 40, 14, 11}, Shape{1, 5, 10, 16}})
            all.push_back({src, window});
    all.push_back({{2, 33, 5, 6}, {5, 6, 1, 1, {0, 0, 0, 0}}});      // the whole image
    all.push_back({{1, 16, 2, 3}, {3, 4, 5, 5, {1, 1, 0, 0}}});      // with its padding, once
    all.push_back({{1, 20, 20, 20}, {16, 16, 3, 3, {0, 0, 0, 0}}});  // as many taps as a choice may name
    return all;
}

std::string text(const Case& one) {
    const PoolWindow& w = one.window;
    return test::text(one.src) + ", " + std::to_string(w.height) + "x" + std::to_string(w.width) +
           " stride " + std::to_string(w.stride_y) + "x" + std::to_string(w.stride_x);
}

// Calls visit(tap, y, x) for the taps of an output's window that are inside.
template <typename Visit>
void for_each_tap(const Case& one, int y, int x, Visit visit) {
    const PoolWindow& w = one.window;
    for (int dy = 0; dy < w.height; ++dy)
        for (int dx = 0; dx < w.width; ++dx) {
            const int sy = y * w.stride_y + dy - w.padding.top, sx = x * w.stride_x + dx - w.padding.left;
            if (sy >= 0 && sy < one.src.h && sx >= 0 && sx < one.src.w) visit(dy * w.width + dx, sy, sx);
        }
}

struct Winner {
    float value = 0;
    int tap = -1;
    std::size_t from = 0;
};
Winner winner_of(const Case& one, const Tensor& src, int n, int c, int y, int x) {
    Winner best;
    for_each_tap(one, y, x, [&](int tap, int sy, int sx) {
        const std::size_t i = at(one.src, n, c, sy, sx);
        if (best.tap < 0 || src.values()[i] > best.value) best = {src.values()[i], tap, i};
    });
    return best;
}

class PoolTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, PoolTest, testing::Values(1, 2));

TEST_P(PoolTest, MaximumItsMaskAndItsChoice) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(text(one));
        const Tensor src = small_integers(one.src, 1);
        const Shape shape = one.window.dst(one.src);
        Tensor dst = stale(shape);
        Mask mask = stale_mask(shape);
        Choices choice(shape.elements());
        max_pool_forward(src.view(), one.window, dst.view(), mask.view(), choice, workspace);
        for_each(shape, [&](int n, int c, int y, int x) {
            const Winner expected = winner_of(one, src, n, c, y, x);
            const std::size_t i = at(shape, n, c, y, x);
            ASSERT_EQ(dst.values()[i], expected.value);
            ASSERT_EQ(choice[i], expected.tap);
            ASSERT_EQ(bit(mask.view(), n, c, y, x), expected.value != 0);
        });
        for_each_padding(shape, [&](int n, int c, int y, int x) {
            ASSERT_EQ(dst.values()[at(shape, n, c, y, x)], 0);
            ASSERT_FALSE(bit(mask.view(), n, c, y, x));
        });
    }
}

TEST_P(PoolTest, GradientsOfTheMaximumGoToWhoWon) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(text(one));
        const Tensor src = small_integers(one.src, 2), diff_dst = small_integers(one.window.dst(one.src), 3);
        const Shape shape = diff_dst.shape();
        Tensor dst(shape), diff_src = stale(one.src), expected(one.src);
        Mask mask(shape), diff_mask = stale_mask(one.src), winners(one.src);
        Choices choice(shape.elements());
        max_pool_forward(src.view(), one.window, dst.view(), mask.view(), choice, workspace);
        max_pool_backward(diff_dst.view(), choice, one.window, {}, diff_src.view(), diff_mask.view(),
                          workspace);
        for_each(shape, [&](int n, int c, int y, int x) {
            const std::size_t i = winner_of(one, src, n, c, y, x).from;
            expected.values()[i] += diff_dst.values()[at(shape, n, c, y, x)];
            winners.view().data[i / kLanes] |= static_cast<std::uint16_t>(1 << i % kLanes);
        });
        for (std::size_t i = 0; i < one.src.elements(); ++i)
            ASSERT_EQ(diff_src.values()[i], expected.values()[i]) << i;
        for (std::size_t i = 0; i < one.src.pixels(); ++i)
            ASSERT_EQ(diff_mask.words()[i], winners.words()[i]) << i;
    }
}

// No gradient passes where the ReLU before the pool made a zero, though a zero may win.
TEST_P(PoolTest, TheBackwardOfAReluComesWithThatOfTheMaximum) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(text(one));
        const Tensor sums = small_integers(one.src, 11),
                     diff_dst = small_integers(one.window.dst(one.src), 12);
        const Shape shape = diff_dst.shape();
        Tensor src(one.src), dst(shape), plain(one.src), diff_src = stale(one.src);
        Mask relu_mask(one.src), mask(shape), won(one.src), diff_mask = stale_mask(one.src);
        Choices choice(shape.elements());
        relu_forward(sums.view(), src.view(), relu_mask.view(), workspace);
        max_pool_forward(src.view(), one.window, dst.view(), mask.view(), choice, workspace);
        max_pool_backward(diff_dst.view(), choice, one.window, {}, plain.view(), won.view(), workspace);
        max_pool_backward(diff_dst.view(), choice, one.window, relu_mask.view(), diff_src.view(),
                          diff_mask.view(), workspace);
        std::int64_t set = 0;
        for (std::size_t i = 0; i < one.src.elements(); ++i) {
            const bool passes = (relu_mask.words()[i / kLanes] >> (i % kLanes) & 1) != 0;
            const bool wins = (won.words()[i / kLanes] >> (i % kLanes) & 1) != 0;
            ASSERT_EQ(diff_src.values()[i], passes ? plain.values()[i] : 0.0F) << i;
            ASSERT_EQ((diff_mask.words()[i / kLanes] >> (i % kLanes) & 1) != 0, passes && wins) << i;
            set += passes && wins;
        }
        EXPECT_EQ(*diff_mask.view().set_bits, set);
    }
}

// By finite differences: the maximum is piecewise linear, and values are a whole apart.
TEST_P(PoolTest, BackwardOfTheMaximumIsThatOfFiniteDifferences) {
    const Case one{{1, 2, 5, 6}, {3, 3, 2, 2, {1, 1, 1, 1}}};
    Tensor src(one.src);
    std::vector<int> order(one.src.elements());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(4));
    for (std::size_t i = 0; i < order.size(); ++i)
        if (i % kLanes < 2) src.values()[i] = static_cast<float>(order[i]);
    const Shape shape = one.window.dst(one.src);
    const Tensor diff_dst = small_integers(shape, 5);
    Tensor dst(shape), diff_src(one.src);
    Mask mask(shape), diff_mask(one.src);
    Choices choice(shape.elements());
    max_pool_forward(src.view(), one.window, dst.view(), mask.view(), choice, workspace);
    max_pool_backward(diff_dst.view(), choice, one.window, {}, diff_src.view(), diff_mask.view(), workspace);
    const auto loss_with = [&](std::size_t i, float step) {
        src.values()[i] += step;
        max_pool_forward(src.view(), one.window, dst.view(), mask.view(), choice, workspace);
        src.values()[i] -= step;
        double loss = 0;
        for (std::size_t j = 0; j < shape.elements(); ++j)
            loss += static_cast<double>(dst.values()[j]) * diff_dst.values()[j];
        return loss;
    };
    for_each(one.src, [&](int n, int c, int y, int x) {
        const std::size_t i = at(one.src, n, c, y, x);
        ASSERT_EQ(diff_src.values()[i], (loss_with(i, 0.25F) - loss_with(i, -0.25F)) / 0.5);
    });
}

// Of either sign.
TEST_P(PoolTest, NaNWinsWhereverItIs) {
    const Shape src_shape{1, 16, 3, 3};
    const PoolWindow window{3, 3, 1, 1, {}};
    for (std::size_t where = 0; where < 9; ++where) {
        Tensor src = small_integers(src_shape, 6), dst({1, 16, 1, 1});
        src.values()[where * kLanes] = std::numeric_limits<float>::quiet_NaN();
        src.values()[1] = std::numeric_limits<float>::infinity();
        src.values()[where * kLanes + 2] = -std::numeric_limits<float>::quiet_NaN();
        Mask mask(dst.shape());
        Choices choice(kLanes);
        max_pool_forward(src.view(), window, dst.view(), mask.view(), choice, workspace);
        for (const std::size_t lane : {0, 2}) {
            EXPECT_TRUE(std::isnan(dst.values()[lane]));
            EXPECT_EQ(choice[lane], where);
            EXPECT_EQ(mask.words()[0] >> lane & 1, 1);
        }
        EXPECT_EQ(dst.values()[1], std::numeric_limits<float>::infinity());
        for (std::size_t lane = 3; lane < kLanes; ++lane) EXPECT_FALSE(std::isnan(dst.values()[lane]));
    }
    Tensor least({1, 16, 1, 1}), dst({1, 16, 1, 1});
    for (float& value : least.values()) value = -std::numeric_limits<float>::infinity();
    Mask mask(dst.shape());
    Choices choice(kLanes);
    max_pool_forward(least.view(), {1, 1, 1, 1, {}}, dst.view(), mask.view(), choice, workspace);
    EXPECT_EQ(dst.values()[0], -std::numeric_limits<float>::infinity());
}

TEST_P(PoolTest, TheFirstOfZerosOfBothSignsWins) {
    for (const float first : {0.0F, -0.0F}) {
        Tensor src({1, 16, 2, 2}), dst({1, 16, 1, 1});
        for (float& value : src.values()) value = -first;
        for (std::size_t lane = 0; lane < kLanes; ++lane) src.values()[lane] = -1;
        for (std::size_t lane = 0; lane < kLanes; ++lane) src.values()[kLanes + lane] = first;
        Mask mask(dst.shape());
        Choices choice(kLanes);
        max_pool_forward(src.view(), {}, dst.view(), mask.view(), choice, workspace);
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            EXPECT_EQ(choice[lane], 1);
            EXPECT_EQ(std::signbit(dst.values()[lane]), std::signbit(first));
        }
        EXPECT_EQ(mask.words()[0], 0);
    }
}

TEST_P(PoolTest, AveragesAndTheirGradients) {
    for (const Case& one : cases())
        for (const Averaged averaged : {Averaged::inside, Averaged::all}) {
            SCOPED_TRACE(text(one));
            const Tensor src = small_integers(one.src, 7),
                         diff_dst = small_integers(one.window.dst(one.src), 8);
            const Shape shape = diff_dst.shape();
            Tensor dst = stale(shape), diff_src = stale(one.src);
            average_pool_forward(src.view(), one.window, averaged, dst.view(), workspace);
            average_pool_backward(diff_dst.view(), one.window, averaged, diff_src.view(), workspace);
            std::vector<double> expected(one.src.elements());
            for_each(shape, [&](int n, int c, int y, int x) {
                double sum = 0;
                int inside = 0;
                for_each_tap(one, y, x, [&](int, int sy, int sx) {
                    sum += src.values()[at(one.src, n, c, sy, sx)];
                    ++inside;
                });
                const int count = averaged == Averaged::all ? one.window.height * one.window.width : inside;
                const std::size_t i = at(shape, n, c, y, x);
                ASSERT_NEAR(dst.values()[i], sum / count, 1e-6 * (1 + std::abs(sum)));
                for_each_tap(one, y, x, [&](int, int sy, int sx) {
                    expected[at(one.src, n, c, sy, sx)] += diff_dst.values()[i] / static_cast<double>(count);
                });
            });
            for (std::size_t i = 0; i < expected.size(); ++i)
                ASSERT_NEAR(diff_src.values()[i], expected[i], 1e-5) << i;
        }
}

// By definition: each pixel's share of the sum, and of the gradient.
TEST_P(PoolTest, GlobalAverageAndItsGradients) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(test::text(shape));
        const Tensor src = small_integers(shape, 9), diff_dst = small_integers({shape.n, shape.c, 1, 1}, 10);
        Tensor dst = stale(diff_dst.shape()), diff_src = stale(shape);
        global_average_pool_forward(src.view(), dst.view(), workspace);
        const int pixels = shape.h * shape.w;
        for_each(diff_dst.shape(), [&](int n, int c, int, int) {
            double sum = 0;
            for (int y = 0; y < shape.h; ++y)
                for (int x = 0; x < shape.w; ++x) sum += src.values()[at(shape, n, c, y, x)];
            ASSERT_NEAR(dst.values()[at(dst.shape(), n, c, 0, 0)], sum / pixels, 1e-6);
        });
        for_each_padding(dst.shape(), [&](int n, int c, int y, int x) {
            ASSERT_EQ(dst.values()[at(dst.shape(), n, c, y, x)], 0);
        });
        Mask mask(shape);
        for (std::size_t i = 0; i < shape.pixels(); ++i)
            mask.view().data[i] = static_cast<std::uint16_t>(i * 40503);
        for (const bool masked : {false, true}) {
            global_average_pool_backward(diff_dst.view(), masked ? mask.view() : MaskView(), diff_src.view(),
                                         workspace);
            for_each(shape, [&](int n, int c, int y, int x) {
                const float share =
                    diff_dst.values()[at(diff_dst.shape(), n, c, 0, 0)] / static_cast<float>(pixels);
                const bool kept = !masked || bit(mask.view(), n, c, y, x);
                ASSERT_EQ(diff_src.values()[at(shape, n, c, y, x)], kept ? share : 0.0F);
            });
            for_each_padding(shape, [&](int n, int c, int y, int x) {
                ASSERT_EQ(diff_src.values()[at(shape, n, c, y, x)], 0);
            });
        }
    }
}

TEST(PoolErrors, NameTheFunctionTheArgumentAndBothValues) {
    Workspace workspace;
    const Shape shape{1, 16, 4, 5};
    EXPECT_EQ((PoolWindow{3, 3, 2, 2, {1, 1, 1, 1}}.dst(shape)), (Shape{1, 16, 2, 3}));
    const auto dst_of = [&](const PoolWindow& window) {
        return [=] { static_cast<void>(window.dst(shape)); };
    };
    expect_invalid(dst_of({0, 2, 2, 2, {}}), {"PoolWindow::dst", "window.height", "at least 1", "0"});
    expect_invalid(dst_of({2, 2, 2, 0, {}}), {"window.stride_x", "at least 1", "0"});
    expect_invalid(dst_of({2, 2, 2, 2, {2, 0, 0, 0}}), {"window.padding", "less than the window's 2", "2"});
    expect_invalid(dst_of({2, 2, 2, 2, {0, -1, 0, 0}}), {"window.padding", "-1"});
    expect_invalid(dst_of({5, 2, 2, 2, {}}), {"window.height", "at most the 4", "5"});
    constexpr int kHuge = std::numeric_limits<int>::max();
    expect_invalid(dst_of({2, 2, kHuge, 2, {}}), {"window", "sum is below 2^31"});
    expect_invalid(dst_of({65536, 65536, 2, 2, {65535, 65535, 0, 0}}), {"window", "fewer than 2^31 taps"});
    Tensor src(shape), dst({1, 16, 2, 2}), wrong({1, 16, 2, 3});
    Mask mask(dst.shape());
    Choices choice(dst.shape().elements());
    const PoolWindow window{2, 2, 2, 2, {}};
    expect_invalid(
        [&] { max_pool_forward(src.view(), window, wrong.view(), mask.view(), choice, workspace); },
        {"max_pool_forward", "dst", "N1 C16 H2 W2", "N1 C16 H2 W3"});
    expect_invalid(
        [&] {
            max_pool_forward(src.view(), window, dst.view(), mask.view(), std::span(choice.data(), 5),
                             workspace);
        },
        {"choice", "64", "5"});
    Tensor large({1, 16, 17, 16}), one({1, 16, 1, 1});
    Mask one_mask(one.shape());
    Choices one_choice(kLanes);
    expect_invalid(
        [&] {
            max_pool_forward(large.view(), {17, 16, 1, 1, {}}, one.view(), one_mask.view(), one_choice,
                             workspace);
        },
        {"window", "at most 256 taps", "272"});
    Tensor diff_src(shape);
    Mask diff_mask(shape), wrong_mask({1, 16, 4, 4});
    expect_invalid(
        [&] {
            max_pool_backward(dst.view(), choice, window, wrong_mask.view(), diff_src.view(),
                              diff_mask.view(), workspace);
        },
        {"max_pool_backward", "relu_mask", "N1 C16 H4 W5", "N1 C16 H4 W4"});
    expect_invalid(
        [&] {
            max_pool_backward(dst.view(), choice, window, diff_mask.view(), diff_src.view(), diff_mask.view(),
                              workspace);
        },
        {"max_pool_backward", "diff_src_mask", "relu_mask", "overlaps"});
    expect_invalid([&] { global_average_pool_forward(src.view(), dst.view(), workspace); },
                   {"global_average_pool_forward", "dst", "N1 C16 H1 W1"});
}

}  // namespace
}  // namespace sparsetrain::test
