#include "sparsetrain/layout.h"

#include "support.h"

namespace sparsetrain::test {
namespace {

class LayoutTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, LayoutTest, testing::Values(1, 2));

std::size_t plain(const Shape& s, int n, int c, int y, int x) {
    return static_cast<std::size_t>(((n * s.c + c) * s.h + y) * s.w + x);
}

std::vector<float> counting(const Shape& s) {
    std::vector<float> values(static_cast<std::size_t>(s.n * s.c * s.h * s.w));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
    return values;
}

TEST_P(LayoutTest, NchwToNchw16cMovesEveryElementAndClearsThePadding) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const std::vector<float> src = counting(shape);
        Tensor dst = stale(shape);
        nchw_to_nchw16c(src.data(), dst.view(), workspace);
        for_each(shape, [&](int n, int c, int y, int x) {
            ASSERT_EQ(dst.values()[at(shape, n, c, y, x)], src[plain(shape, n, c, y, x)]);
        });
        for_each_padding(
            shape, [&](int n, int c, int y, int x) { ASSERT_EQ(dst.values()[at(shape, n, c, y, x)], 0); });
    }
}

TEST_P(LayoutTest, Nchw16cToNchwIsTheInverse) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const std::vector<float> src = counting(shape);
        Tensor blocked(shape);
        nchw_to_nchw16c(src.data(), blocked.view(), workspace);
        std::vector<float> dst(src.size() + 1, -77.0F);
        nchw16c_to_nchw(blocked.view(), dst.data(), workspace);
        EXPECT_EQ(dst.back(), -77.0F) << "wrote beyond the end";
        dst.pop_back();
        ASSERT_EQ(dst, src);
    }
}

TEST(LayoutErrors, NameTheFunctionTheArgumentAndBothValues) {
    Workspace workspace;
    const Shape shape{1, 3, 2, 2};
    Tensor tensor(shape);
    std::vector<float> plain_values(12);
    expect_invalid([&] { nchw_to_nchw16c(nullptr, tensor.view(), workspace); },
                   {"nchw_to_nchw16c", "src", "null"});
    expect_invalid(
        [&] {
            nchw_to_nchw16c(plain_values.data(), {tensor.view().data + 3, shape}, workspace);
        },
        {"nchw_to_nchw16c", "dst", "64", "12 bytes off"});
    expect_invalid(
        [&] {
            nchw16c_to_nchw({tensor.view().data, {1, 3, -1, 2}}, plain_values.data(), workspace);
        },
        {"nchw16c_to_nchw", "src", "H-1"});
    expect_invalid(
        [&] {
            nchw16c_to_nchw({tensor.view().data, shape, Layout(1)}, plain_values.data(), workspace);
        },
        {"layout", "nchw16c"});
}

// NCHW of 17 channels ends before NCHW16c of the same shape does.
TEST_P(LayoutTest, ArraysThatOverlapAreRefused) {
    const Shape shape{2, 17, 5, 7};
    const std::size_t plain_elements = counting(shape).size();
    Tensor memory({4, 17, 5, 7});
    float* const begin = memory.view().data;
    const TensorView blocked{begin, shape}, behind{begin + plain_elements / kLanes * kLanes, shape};
    float* const last = begin + shape.elements() - 1;
    for (float* plain_data : {begin, last}) {
        expect_invalid([&] { nchw_to_nchw16c(plain_data, blocked, workspace); }, {"dst", "src", "overlaps"});
        expect_invalid([&] { nchw16c_to_nchw(blocked, plain_data, workspace); }, {"dst", "src", "overlaps"});
    }
    expect_invalid([&] { nchw_to_nchw16c(begin, behind, workspace); }, {"dst", "src", "overlaps"});
    nchw_to_nchw16c(last + 1, blocked, workspace);
    nchw16c_to_nchw(blocked, last + 1, workspace);
}

}  // namespace
}  // namespace sparsetrain::test
