// The reference itself, against results computed by hand.
#include "direct_convolution.h"

#include <gtest/gtest.h>

#include "sparsetrain/tensor.h"

namespace sparsetrain::reference {
namespace {

std::vector<double> values_of(const std::vector<Element>& elements) {
    std::vector<double> values;
    for (const Element& element : elements) values.push_back(element.value);
    return values;
}

// One channel, a 2x3 image 1 2 3 / 4 5 6, a 2x2 filter 1 10 / 100 1000.
class TinyConvolution : public ::testing::Test {
  protected:
    TinyConvolution() {
        for (int i = 0; i < 6; ++i)
            src.values()[lane_offset(src.shape(), 0, 0, i / 3, i % 3)] = static_cast<float>(i + 1);
        float tap = 1;
        for (int i = 0; i < 4; ++i, tap *= 10) weights.at(0, 0, i / 2, i % 2) = tap;
    }
    ConvShape shape{{1, 1, 2, 3}, 1, 2, 2, 1, {}};
    Tensor src{{1, 1, 2, 3}};
    Weights weights{{1, 1, 2, 2}};
};

TEST_F(TinyConvolution, ForwardSumsTapsAndBias) {
    const float bias[] = {0.5f};
    const std::vector<Element> dst = forward(shape, src.view(), weights.view(), bias);
    EXPECT_EQ(values_of(dst), (std::vector<double>{5421.5, 6532.5}));
    EXPECT_EQ(dst[0].terms, 5);
    EXPECT_EQ(dst[0].magnitude, 5421.5);
}

TEST_F(TinyConvolution, PaddingReadsAsZeroAndIsNotATerm) {
    shape.padding = {1, 1, 0, 0};
    const Element corner = forward_at(shape, src.view(), weights.view(), {}, 0, 0, 0, 0);
    EXPECT_EQ(corner.value, 1000);
    EXPECT_EQ(corner.terms, 1);
    EXPECT_EQ(shape.dst(), (Shape{1, 1, 2, 3}));
}

TEST_F(TinyConvolution, StrideSkipsPixels) {
    shape.stride = 2;
    shape.padding = {0, 1, 0, 0};
    EXPECT_EQ(values_of(forward(shape, src.view(), weights.view(), {})), (std::vector<double>{4010, 6532}));
}

TEST_F(TinyConvolution, BackwardDataScattersTheFilter) {
    Tensor diff_dst(shape.dst());
    diff_dst.values()[lane_offset(diff_dst.shape(), 0, 0, 0, 0)] = 2;
    diff_dst.values()[lane_offset(diff_dst.shape(), 0, 0, 0, 1)] = -1;
    EXPECT_EQ(values_of(backward_data(shape, diff_dst.view(), weights.view())),
              (std::vector<double>{2, 19, -10, 200, 1900, -1000}));
}

TEST_F(TinyConvolution, BackwardWeightsCorrelates) {
    Tensor diff_dst(shape.dst());
    diff_dst.values()[lane_offset(diff_dst.shape(), 0, 0, 0, 0)] = 2;
    diff_dst.values()[lane_offset(diff_dst.shape(), 0, 0, 0, 1)] = -1;
    EXPECT_EQ(values_of(backward_weights(shape, src.view(), diff_dst.view())),
              (std::vector<double>{0, 1, 3, 4}));
    const std::vector<Element> diff_bias = backward_bias(shape, diff_dst.view());
    EXPECT_EQ(values_of(diff_bias), (std::vector<double>{1}));
    EXPECT_EQ(diff_bias[0].magnitude, 3);
}

// The definition of a gradient ties the three passes together, with a stride, several channels and blocks:
// <conv(src, w), d> = <src, bwd_data(d, w)> = <w, bwd_weights(src, d)>.
TEST(DirectConvolution, PassesAreAdjoint) {
    const ConvShape shape{{2, 17, 5, 6}, 18, 3, 3, 2, {1, 0, 2, 1}};
    Tensor src(shape.src), diff_dst(shape.dst());
    Weights weights(shape.weights());
    unsigned state = 1;
    const auto fill = [&state](auto& array) {
        for (float& value : array) value = static_cast<float>((state = state * 1103515245u + 12345u) >> 28);
    };
    fill(src.values());
    fill(diff_dst.values());
    fill(weights.values());

    double by_dst = 0, by_src = 0, by_weights = 0;
    for (int n = 0; n < 2; ++n)
        for (int k = 0; k < 18; ++k)
            for (int y = 0; y < shape.dst().h; ++y)
                for (int x = 0; x < shape.dst().w; ++x)
                    by_dst += forward_at(shape, src.view(), weights.view(), {}, n, k, y, x).value *
                              at(diff_dst.view(), n, k, y, x);
    for (int n = 0; n < 2; ++n)
        for (int c = 0; c < 17; ++c)
            for (int y = 0; y < 5; ++y)
                for (int x = 0; x < 6; ++x)
                    by_src += backward_data_at(shape, diff_dst.view(), weights.view(), n, c, y, x).value *
                              at(src.view(), n, c, y, x);
    for (int k = 0; k < 18; ++k)
        for (int c = 0; c < 17; ++c)
            for (int r = 0; r < 3; ++r)
                for (int s = 0; s < 3; ++s)
                    by_weights += backward_weights_at(shape, src.view(), diff_dst.view(), k, c, r, s).value *
                                  weights.at(k, c, r, s);
    EXPECT_GT(by_dst, 1e6);
    EXPECT_EQ(by_dst, by_src);
    EXPECT_EQ(by_dst, by_weights);
}

TEST(DirectConvolution, ReluAndBound) {
    Element element;
    element.add(-2, 3);
    EXPECT_EQ(relu(element).value, 0);
    EXPECT_EQ(relu(element).magnitude, 6);
    EXPECT_GT(rounding_bound(element), 6 * 0x1p-24);
    EXPECT_LT(rounding_bound(element), 6 * 0x1p-22);
}

}  // namespace
}  // namespace sparsetrain::reference
