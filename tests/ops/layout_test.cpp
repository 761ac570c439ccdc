#include "sparsetrain/layout.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "support.h"

namespace sparsetrain::test {
namespace {

class LayoutTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, LayoutTest, testing::Values(1, 2));

// A plain layout: where an element lies in it, and its conversions.
struct PlainLayout {
    const char* name;
    std::size_t (*at)(const Shape&, int n, int c, int y, int x);
    void (*from)(const float*, TensorView, Workspace&);
    void (*to)(ConstTensorView, float*, Workspace&);
};

std::size_t at_nchw(const Shape& s, int n, int c, int y, int x) {
    return static_cast<std::size_t>(((n * s.c + c) * s.h + y) * s.w + x);
}
std::size_t at_nhwc(const Shape& s, int n, int c, int y, int x) {
    return static_cast<std::size_t>(((n * s.h + y) * s.w + x) * s.c + c);
}

const PlainLayout kPlainLayouts[] = {{"nchw", at_nchw, nchw_to_nchw16c, nchw16c_to_nchw},
                                     {"nhwc", at_nhwc, nhwc_to_nchw16c, nchw16c_to_nhwc}};

// 1, 2, 3 and so on.
std::vector<float> counting(std::size_t count) {
    std::vector<float> values(count);
    std::iota(values.begin(), values.end(), 1.0F);
    return values;
}
std::vector<float> counting(const Shape& s) {
    return counting(static_cast<std::size_t>(s.n * s.c * s.h * s.w));
}

TEST_P(LayoutTest, ToNchw16cMovesEveryElementAndClearsThePadding) {
    for (const PlainLayout& layout : kPlainLayouts)
        for (const Shape& shape : tail_shapes()) {
            SCOPED_TRACE(testing::Message() << layout.name << ' ' << text(shape));
            const std::vector<float> src = counting(shape);
            Tensor dst = stale(shape);
            layout.from(src.data(), dst.view(), workspace);
            for_each(shape, [&](int n, int c, int y, int x) {
                ASSERT_EQ(dst.values()[at(shape, n, c, y, x)], src[layout.at(shape, n, c, y, x)]);
            });
            for_each_padding(shape, [&](int n, int c, int y, int x) {
                ASSERT_EQ(dst.values()[at(shape, n, c, y, x)], 0);
            });
        }
}

TEST_P(LayoutTest, FromNchw16cIsTheInverse) {
    for (const PlainLayout& layout : kPlainLayouts)
        for (const Shape& shape : tail_shapes()) {
            SCOPED_TRACE(testing::Message() << layout.name << ' ' << text(shape));
            const std::vector<float> src = counting(shape);
            Tensor blocked(shape);
            layout.from(src.data(), blocked.view(), workspace);
            std::vector<float> dst(src.size() + 1, -77.0F);
            layout.to(blocked.view(), dst.data(), workspace);
            EXPECT_EQ(dst.back(), -77.0F) << "wrote beyond the end";
            dst.pop_back();
            ASSERT_EQ(dst, src);
        }
}

// Blocks and tails of both kinds of channels, and filters of one tap and of many.
std::vector<WeightsShape> weights_shapes() {
    std::vector<WeightsShape> shapes;
    for (const int k : {1, 15, 16, 17, 40})
        for (const int c : {1, 3, 16, 31, 33})
            for (const auto& [r, s] : {std::pair{1, 1}, std::pair{3, 3}, std::pair{2, 7}})
                shapes.push_back({k, c, r, s});
    shapes.push_back({128, 64, 3, 3});
    return shapes;
}

std::size_t plain_elements(const WeightsShape& w) {
    return static_cast<std::size_t>(w.k * w.c * w.r * w.s);
}

TEST_P(LayoutTest, OihwToWeightsMovesEveryElementAndClearsThePadding) {
    for (const WeightsShape& shape : weights_shapes()) {
        SCOPED_TRACE(detail::to_text(shape));
        const std::vector<float> src = counting(plain_elements(shape));
        Weights dst(shape);
        std::ranges::fill(dst.values(), -77.0F);
        oihw_to_weights(src.data(), dst.view(), workspace);
        for (int k = 0; k < channel_blocks(shape.k) * kLanes; ++k)
            for (int c = 0; c < channel_blocks(shape.c) * kLanes; ++c)
                for (int r = 0; r < shape.r; ++r)
                    for (int s = 0; s < shape.s; ++s) {
                        const auto at =
                            static_cast<std::size_t>(((k * shape.c + c) * shape.r + r) * shape.s + s);
                        const bool is_padding = k >= shape.k || c >= shape.c;
                        ASSERT_EQ(dst.at(k, c, r, s), is_padding ? 0 : src[at]);
                    }
    }
}

TEST_P(LayoutTest, WeightsToOihwIsTheInverse) {
    for (const WeightsShape& shape : weights_shapes()) {
        SCOPED_TRACE(detail::to_text(shape));
        const std::vector<float> src = counting(plain_elements(shape));
        Weights blocked(shape);
        oihw_to_weights(src.data(), blocked.view(), workspace);
        std::vector<float> dst(src.size() + 1, -77.0F);
        weights_to_oihw(blocked.view(), dst.data(), workspace);
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

TEST(LayoutErrors, OfWhatOtherConversionsTake) {
    Workspace workspace;
    const Shape shape{1, 3, 2, 2};
    Tensor tensor(shape);
    Weights weights({3, 3, 2, 2});
    std::vector<float> plain(36);
    expect_invalid([&] { nhwc_to_nchw16c(nullptr, tensor.view(), workspace); },
                   {"nhwc_to_nchw16c", "src", "null"});
    expect_invalid(
        [&] {
            nchw16c_to_nhwc({nullptr, shape}, plain.data(), workspace);
        },
        {"nchw16c_to_nhwc", "src", "null"});
    expect_invalid([&] { oihw_to_weights(nullptr, weights.view(), workspace); },
                   {"oihw_to_weights", "src", "null"});
    expect_invalid(
        [&] {
            oihw_to_weights(plain.data(), {weights.view().data + 1, {3, 3, 2, 2}}, workspace);
        },
        {"oihw_to_weights", "dst", "4 bytes off"});
    expect_invalid(
        [&] {
            weights_to_oihw({weights.view().data, {3, 0, 2, 2}}, plain.data(), workspace);
        },
        {"weights_to_oihw", "src", "C0"});
    expect_invalid([&] { weights_to_oihw(weights.view(), weights.view().data + 35, workspace); },
                   {"weights_to_oihw", "dst", "src", "overlaps"});
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
