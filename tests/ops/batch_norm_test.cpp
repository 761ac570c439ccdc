#include "sparsetrain/batch_norm.h"

#include <cmath>
#include <limits>

#include "normalised_batch.h"

namespace sparsetrain::test {
namespace {

class BatchNormTest : public testing::TestWithParam<int> {
  protected:
    void expect_right_variance(const Tensor& src) {
        const Reference expected(src);
        Channels mean(expected.mean.size()), variance(expected.mean.size());
        batch_statistics(src.view(), mean, variance, workspace);
        for (std::size_t c = 0; c < mean.size(); ++c)
            ASSERT_NEAR(variance[c] / expected.variance[c], 1, 1e-5) << c;
    }

    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, BatchNormTest, testing::Values(1, 2));

TEST_P(BatchNormTest, StatisticsAreThoseOfEachChannel) {
    std::vector<Shape> shapes = tail_shapes();
    shapes.push_back({3, 17, 16, 16});  // a whole block
    shapes.push_back({2, 5, 33, 31});   // several, and a part of one
    shapes.push_back({1, 40, 1, 257});
    for (const Shape& shape : shapes) {
        SCOPED_TRACE(text(shape));
        const Tensor src = reals(shape, 4);
        const Reference expected(src);
        Channels mean(Batch::index(shape.c), -77), variance(mean);
        batch_statistics(src.view(), mean, variance, workspace);
        for (std::size_t c = 0; c < mean.size(); ++c) {
            ASSERT_NEAR(mean[c], expected.mean[c], 1e-6 * (1 + std::abs(expected.mean[c]))) << c;
            ASSERT_NEAR(variance[c], expected.variance[c], 1e-5 * expected.variance[c] + 1e-12) << c;
        }
    }
}

// Where squares would be a million times the variance.
TEST_P(BatchNormTest, VarianceIsRightFarFromZero) {
    for (const double offset : {1000.0, -1000.0}) {
        const Tensor src = reals({4, 20, 28, 28}, 5, offset);
        expect_right_variance(src);
    }
}

// Images that differ by more than what is in them.
TEST_P(BatchNormTest, VarianceIsRightBetweenImages) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937 engine(seed);
        std::normal_distribution<double> normal;
        Tensor src({2, 16, 16, 16});
        for_each(src.shape(), [&](int n, int c, int y, int x) {
            src.values()[at(src.shape(), n, c, y, x)] =
                static_cast<float>(999 + 2 * n + 0.01 * normal(engine));
        });
        expect_right_variance(src);
    }
}

// A first pixel far from the others, as zeros with a peak among them.
TEST_P(BatchNormTest, VarianceIsRightBesideAPeak) {
    Tensor src = reals({1, 16, 16, 16}, 6, 1000);
    for (std::size_t i = 0; i < kLanes; ++i) src.values()[i] = 0;
    expect_right_variance(src);
}

// Where a block begins unlike it goes on, for as many pixels as there may be.
TEST_P(BatchNormTest, VarianceIsRightBehindAnotherBeginning) {
    for (std::size_t pixels = 2; pixels < 40; pixels += 3) {
        Tensor src = reals({1, 16, 16, 16}, 8, 1000);
        for (std::size_t i = 0; i < pixels * kLanes; ++i) src.values()[i] *= 3;
        expect_right_variance(src);
    }
}

TEST_P(BatchNormTest, AConstantChannelHasNoVariance) {
    for (const float value : {0.0F, 0.1F, -1000.3F}) {
        Tensor src({2, 16, 9, 7});
        for (float& element : src.values()) element = value;
        Channels mean(16), variance(16);
        batch_statistics(src.view(), mean, variance, workspace);
        for (std::size_t c = 0; c < mean.size(); ++c) {
            ASSERT_EQ(mean[c], value);
            ASSERT_EQ(variance[c], 0);
        }
    }
}

TEST_P(BatchNormTest, ResultsDoNotDependOnThreads) {
    const Tensor src = reals({5, 33, 30, 30}, 7);
    Channels mean(33), variance(33), mean_of_three(33), variance_of_three(33);
    Workspace three(3);
    batch_statistics(src.view(), mean, variance, workspace);
    batch_statistics(src.view(), mean_of_three, variance_of_three, three);
    EXPECT_EQ(mean, mean_of_three);
    EXPECT_EQ(variance, variance_of_three);
    Tensor diff_src(src.shape());
    Channels scale(33, 1), shift(33), scale_of_three(33), shift_of_three(33);
    const BatchNorm norm{mean, variance, scale, shift};
    Channels diff_scale(33), diff_shift(33);
    batch_norm_backward(src.view(), norm, src.view(), diff_src.view(), {diff_scale, diff_shift}, workspace);
    batch_norm_backward(src.view(), norm, src.view(), diff_src.view(), {scale_of_three, shift_of_three},
                        three);
    EXPECT_EQ(diff_scale, scale_of_three);
    EXPECT_EQ(diff_shift, shift_of_three);
}

TEST_P(BatchNormTest, ForwardNormalises) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const Batch batch(shape, workspace);
        Tensor dst = stale(shape);
        batch_norm(batch.src.view(), batch.norm(), dst.view(), workspace);
        for_each(shape, [&](int n, int c, int y, int x) {
            const double expected = batch.result(n, c, y, x);
            ASSERT_NEAR(dst.values()[at(shape, n, c, y, x)], expected, tolerance(expected));
        });
        expect_padding_is_zero(dst);
    }
}

// With an addend and without. Values and bits agree even where a sum is next to zero.
TEST_P(BatchNormTest, FusedFormsApplyReluAndMakeItsMask) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const Batch batch(shape, workspace);
        for (const bool adds : {false, true}) {
            Tensor dst = stale(shape);
            Mask mask = stale_mask(shape);
            if (adds) {
                batch_norm_add_relu(batch.src.view(), batch.norm(), batch.addend.view(), dst.view(),
                                    mask.view(), workspace);
            } else {
                batch_norm_relu(batch.src.view(), batch.norm(), dst.view(), mask.view(), workspace);
            }
            for_each(shape, [&](int n, int c, int y, int x) {
                const std::size_t i = at(shape, n, c, y, x);
                const double sum = batch.result(n, c, y, x) + (adds ? batch.addend.values()[i] : 0.0F);
                ASSERT_NEAR(dst.values()[i], std::max(sum, 0.0), tolerance(sum));
                ASSERT_EQ(bit(mask.view(), n, c, y, x), dst.values()[i] > 0);
            });
            expect_padding_is_zero(dst);
            for_each_padding(shape,
                             [&](int n, int c, int y, int x) { ASSERT_FALSE(bit(mask.view(), n, c, y, x)); });
        }
    }
}

// A value that is not finite is seen in its channel, through ReLU, and in no other.
TEST_P(BatchNormTest, NonFiniteValuesStayInTheirChannel) {
    constexpr float kInf = std::numeric_limits<float>::infinity(),
                    kNaN = std::numeric_limits<float>::quiet_NaN();
    const Shape shape{2, 20, 5, 5};
    for (const float value : {kNaN, kInf, -kInf}) {
        Batch batch(shape, workspace);
        batch.src.values()[at(shape, 1, 18, 2, 2)] = value;
        batch_statistics(batch.src.view(), batch.mean, batch.variance, workspace);
        Tensor dst(shape);
        Mask mask(shape);
        batch_norm_relu(batch.src.view(), batch.norm(), dst.view(), mask.view(), workspace);
        for_each(shape, [&](int n, int c, int y, int x) {
            ASSERT_EQ(std::isnan(dst.values()[at(shape, n, c, y, x)]), c == 18);
            ASSERT_TRUE(c != 18 || bit(mask.view(), n, c, y, x));
        });
        expect_padding_is_zero(dst);
    }
}

TEST(RunningStatistics, FollowTheBatch) {
    const Channels mean{1, -2}, variance{4, 9};
    Channels running_mean{0, 10}, running_variance{1, 1};
    update_running_statistics(mean, variance, 10, 0.1F, running_mean, running_variance);
    EXPECT_FLOAT_EQ(running_mean[0], 0.1F);
    EXPECT_FLOAT_EQ(running_mean[1], 8.8F);
    EXPECT_FLOAT_EQ(running_variance[0], 0.9F + 0.1F * 40 / 9);
    EXPECT_FLOAT_EQ(running_variance[1], 0.9F + 0.1F * 10);
    expect_invalid(
        [&] { update_running_statistics(mean, variance, 1, 0.1F, running_mean, running_variance); },
        {"update_running_statistics", "count", "at least 2", "1"});
    expect_invalid([&] { update_running_statistics(mean, {}, 2, 0.1F, running_mean, running_variance); },
                   {"variance", "2", "0"});
}

TEST(BatchNormErrors, NameTheFunctionTheArgumentAndBothValues) {
    Workspace workspace;
    const Shape shape{1, 16, 2, 2};
    const Batch batch(shape, workspace);
    Tensor dst(shape), wrong({1, 16, 2, 3});
    Mask mask(shape);
    Channels few(15), all(16);
    const BatchNorm norm = batch.norm();
    const auto with = [&](auto change) {
        BatchNorm changed = norm;
        change(changed);
        return changed;
    };
    expect_invalid([&] { batch_statistics(batch.src.view(), few, all, workspace); },
                   {"batch_statistics", "mean", "16", "15"});
    expect_invalid([&] { batch_norm(batch.src.view(), norm, wrong.view(), workspace); },
                   {"batch_norm", "dst", "N1 C16 H2 W2", "N1 C16 H2 W3"});
    expect_invalid(
        [&] {
            batch_norm(batch.src.view(), with([&](BatchNorm& n) { n.scale = few; }), dst.view(), workspace);
        },
        {"scale", "16", "15"});
    expect_invalid(
        [&] {
            batch_norm(batch.src.view(), with([](BatchNorm& n) { n.epsilon = 0; }), dst.view(), workspace);
        },
        {"epsilon", "above 0"});
    expect_invalid([&] { batch_norm_relu(batch.src.view(), norm, dst.view(), {}, workspace); },
                   {"batch_norm_relu", "dst_mask"});
    expect_invalid(
        [&] {
            batch_norm_add_relu(batch.src.view(), norm, wrong.view(), dst.view(), mask.view(), workspace);
        },
        {"addend", "N1 C16 H2 W3"});
    const BatchNormGradients gradients{all, few};
    expect_invalid(
        [&] {
            batch_norm_backward(batch.src.view(), norm, batch.diff_dst.view(), dst.view(), gradients,
                                workspace);
        },
        {"gradients.shift", "16", "15"});
    Channels other(16);
    expect_invalid(
        [&] {
            batch_norm_relu_backward(batch.src.view(), norm, batch.diff_dst.view(), {}, dst.view(),
                                     {all, other}, workspace);
        },
        {"batch_norm_relu_backward", "mask"});
    Tensor src(shape);
    expect_invalid(
        [&] {
            batch_norm_backward(src.view(), norm, batch.diff_dst.view(), src.view(), {all, other}, workspace);
        },
        {"diff_src", "src", "overlaps"});
    expect_invalid(
        [&] {
            batch_norm_add_relu_backward(src.view(), norm, batch.diff_dst.view(), mask.view(), dst.view(),
                                         dst.view(), {all, other}, workspace);
        },
        {"diff_src", "diff_addend", "overlaps"});
}

}  // namespace
}  // namespace sparsetrain::test
