#include <cmath>
#include <limits>

#include "sparsetrain/pool.h"
#include "support.h"

namespace sparsetrain::test {
namespace {

// Smaller and larger results than images, whole and uneven pieces, the same size.
struct Case {
    Shape src;
    int height, width;

    Shape dst() const { return {src.n, src.c, height, width}; }
};

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const auto& [height, width] : {std::pair(1, 1), std::pair(7, 7), std::pair(3, 5), std::pair(10, 2)})
        for (const Shape& src : {Shape{1, 16, 7, 7}, Shape{3, 17, 1, 1}, Shape{2, 40, 14, 11},
                                 Shape{1, 5, 2, 3}, Shape{2, 33, 6, 16}})
            all.push_back({src, height, width});
    return all;
}

std::string text(const Case& one) {
    return test::text(one.src) + " to " + std::to_string(one.height) + "x" + std::to_string(one.width);
}

// Piece i of `pieces` of `extent` pixels: from floor(i extent / pieces) to before ceil((i + 1) extent /
// pieces), in double, as the definition has it.
std::pair<int, int> piece(int i, int extent, int pieces) {
    const double size = static_cast<double>(extent) / pieces;
    return {static_cast<int>(std::floor(i * size + 1e-9)),
            static_cast<int>(std::ceil((i + 1) * size - 1e-9))};
}

// Calls visit(y, x) for the pixels of src that a pixel of dst is the mean of; returns how many they are.
template <typename Visit>
int for_each_of(const Case& one, int y, int x, Visit visit) {
    const auto [top, bottom] = piece(y, one.src.h, one.height);
    const auto [left, right] = piece(x, one.src.w, one.width);
    for (int sy = top; sy < bottom; ++sy)
        for (int sx = left; sx < right; ++sx) visit(sy, sx);
    return (bottom - top) * (right - left);
}

class AdaptivePoolTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, AdaptivePoolTest, testing::Values(1, 2));

TEST_P(AdaptivePoolTest, EveryPixelIsTheMeanOfItsPiece) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(text(one));
        const Tensor src = small_integers(one.src, 1);
        const Shape shape = one.dst();
        Tensor dst = stale(shape);
        adaptive_average_pool_forward(src.view(), dst.view(), workspace);
        for_each(shape, [&](int n, int c, int y, int x) {
            double sum = 0;
            const int count = for_each_of(
                one, y, x, [&](int sy, int sx) { sum += src.values()[at(one.src, n, c, sy, sx)]; });
            ASSERT_GE(count, 1);
            ASSERT_NEAR(dst.values()[at(shape, n, c, y, x)], sum / count, 1e-6);
        });
        for_each_padding(
            shape, [&](int n, int c, int y, int x) { ASSERT_EQ(dst.values()[at(shape, n, c, y, x)], 0); });
    }
}

TEST_P(AdaptivePoolTest, GradientsAreSharedByThePixelsOfAPiece) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(text(one));
        const Shape shape = one.dst();
        const Tensor diff_dst = small_integers(shape, 2);
        Tensor diff_src = stale(one.src);
        adaptive_average_pool_backward(diff_dst.view(), diff_src.view(), workspace);
        std::vector<double> expected(one.src.elements());
        for_each(shape, [&](int n, int c, int y, int x) {
            const int count = for_each_of(one, y, x, [](int, int) {});
            for_each_of(one, y, x, [&](int sy, int sx) {
                expected[at(one.src, n, c, sy, sx)] +=
                    diff_dst.values()[at(shape, n, c, y, x)] / static_cast<double>(count);
            });
        });
        for (std::size_t i = 0; i < expected.size(); ++i)
            ASSERT_NEAR(diff_src.values()[i], expected[i], 1e-5) << i;
    }
}

// <forward(src), diff> = <src, backward(diff)>.
TEST_P(AdaptivePoolTest, BackwardIsTheAdjointOfForward) {
    for (const Case& one : cases()) {
        SCOPED_TRACE(text(one));
        const Tensor src = small_integers(one.src, 3), diff = small_integers(one.dst(), 4);
        Tensor dst(one.dst()), diff_src(one.src);
        adaptive_average_pool_forward(src.view(), dst.view(), workspace);
        adaptive_average_pool_backward(diff.view(), diff_src.view(), workspace);
        double by_dst = 0, by_src = 0, magnitude = 0;
        for (std::size_t i = 0; i < one.dst().elements(); ++i)
            by_dst += static_cast<double>(dst.values()[i]) * diff.values()[i];
        for (std::size_t i = 0; i < one.src.elements(); ++i) {
            by_src += static_cast<double>(src.values()[i]) * diff_src.values()[i];
            magnitude += std::abs(static_cast<double>(src.values()[i]) * diff_src.values()[i]);
        }
        EXPECT_NEAR(by_dst, by_src, 1e-6 * magnitude);
        EXPECT_GT(magnitude, 0);
    }
}

TEST_P(AdaptivePoolTest, OfTheSameSizeItIsACopyAndNaNStaysWhereItIs) {
    const Shape shape{2, 20, 7, 7};
    Tensor src = small_integers(shape, 5), dst = stale(shape);
    src.values()[at(shape, 1, 3, 2, 6)] = std::numeric_limits<float>::quiet_NaN();
    adaptive_average_pool_forward(src.view(), dst.view(), workspace);
    for_each(shape, [&](int n, int c, int y, int x) {
        const std::size_t i = at(shape, n, c, y, x);
        if (std::isnan(src.values()[i])) {
            ASSERT_TRUE(std::isnan(dst.values()[i]));
        } else {
            ASSERT_EQ(dst.values()[i], src.values()[i]);
        }
    });
}

TEST(AdaptivePoolErrors, NameTheFunctionTheArgumentAndBothValues) {
    Workspace workspace;
    Tensor src({1, 16, 4, 5}), dst({1, 17, 2, 2}), good({1, 16, 2, 2}), twice({2, 16, 4, 5});
    expect_invalid([&] { adaptive_average_pool_forward(src.view(), dst.view(), workspace); },
                   {"adaptive_average_pool_forward", "dst", "N1 C16 H2 W2", "N1 C17 H2 W2"});
    expect_invalid([&] { adaptive_average_pool_backward(dst.view(), src.view(), workspace); },
                   {"adaptive_average_pool_backward", "diff_dst", "N1 C16 H2 W2", "N1 C17 H2 W2"});
    expect_invalid(
        [&] {
            adaptive_average_pool_forward(src.view(), {good.view().data, {1, 16, 0, 2}}, workspace);
        },
        {"adaptive_average_pool_forward", "dst", "H0"});
    expect_invalid(
        [&] {
            adaptive_average_pool_forward(src.view(), {nullptr, good.shape()}, workspace);
        },
        {"adaptive_average_pool_forward", "dst", "null"});
    expect_invalid(
        [&] {
            adaptive_average_pool_forward(src.view(), {src.view().data, good.shape()}, workspace);
        },
        {"adaptive_average_pool_forward", "dst", "src", "overlaps"});
}

}  // namespace
}  // namespace sparsetrain::test
