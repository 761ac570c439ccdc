#include "sparsetrain/shifted_conv.h"

#include <cmath>
#include <limits>

#include "support.h"

namespace sparsetrain::test {
namespace {

// Data are small integers and scalars sums of powers of two, so that all sums are exact, whatever the order.
constexpr ConvScalars kScalars{0.25F, -0.5F, 0.75F}, kNoScale{-0.5F, 1, 1.5F};

ConvShape conv(const Shape& src, int k, int filter, int stride, const Padding& padding) {
    return {.src = src, .k = k, .filter_h = filter, .filter_w = filter, .stride = stride, .padding = padding};
}

// Every filter and stride; even and uneven padding; images smaller than the filter; tails of C and K.
std::vector<ConvShape> padded() {
    return {conv({2, 20, 5, 6}, 33, 3, 1, {1, 1, 1, 1}), conv({1, 16, 7, 7}, 16, 3, 1, {2, 0, 1, 2}),
            conv({3, 17, 1, 1}, 5, 3, 1, {1, 1, 1, 1}),  conv({1, 15, 9, 4}, 40, 3, 2, {1, 1, 1, 1}),
            conv({2, 33, 6, 5}, 17, 3, 2, {0, 1, 1, 0}), conv({2, 3, 11, 8}, 20, 7, 2, {3, 3, 3, 3}),
            conv({1, 1, 5, 4}, 16, 7, 2, {2, 6, 3, 1}),  conv({1, 18, 6, 5}, 19, 5, 1, {2, 1, 0, 2})};
}

std::vector<ConvShape> unpadded() {
    return {conv({2, 20, 5, 6}, 33, 1, 1, {}), conv({1, 33, 7, 4}, 16, 1, 2, {}),
            conv({2, 17, 5, 9}, 20, 3, 1, {}), conv({1, 16, 7, 8}, 15, 3, 2, {}),
            conv({1, 3, 9, 11}, 20, 7, 2, {}), conv({3, 40, 1, 1}, 5, 1, 1, {})};
}

std::vector<ConvShape> all_shapes() {
    std::vector<ConvShape> all = padded();
    for (const ConvShape& shape : unpadded()) all.push_back(shape);
    return all;
}

std::string text(const ConvShape& s) {
    return test::text(s.src) + " K" + std::to_string(s.k) + " " + std::to_string(s.filter_h) + "x" +
           std::to_string(s.filter_w) + " stride " + std::to_string(s.stride) + " padding " +
           std::to_string(s.padding.top) + std::to_string(s.padding.left);
}

Weights integer_weights(const WeightsShape& shape, unsigned seed) {
    std::mt19937 engine(seed);
    Weights weights(shape);
    for_each({shape.k, shape.c, shape.r, shape.s}, [&](int k, int c, int r, int s) {
        weights.at(k, c, r, s) = static_cast<float>(engine() % 5) - 2.0F;
    });
    return weights;
}

// A problem in double.
struct Problem {
    ConvShape shape;
    double before, scale, after;
    Tensor src;
    Weights weights;

    Problem(const ConvShape& its_shape, const ConvScalars& scalars)
        : shape(its_shape),
          before(scalars.before),
          scale(scalars.scale),
          after(scalars.after),
          src(small_integers(shape.src, 1)),
          weights(integer_weights(shape.weights(), 2)) {}

    // Calls visit(y, x) if tap (r, s) of an output's pixel is in the image.
    template <typename Visit>
    void if_inside(int y, int x, int r, int s, Visit visit) const {
        const int sy = y * shape.stride + r - shape.padding.top;
        const int sx = x * shape.stride + s - shape.padding.left;
        if (sy >= 0 && sy < shape.src.h && sx >= 0 && sx < shape.src.w) visit(sy, sx);
    }
    double shifted(int n, int c, int y, int x) const {
        return src.values()[at(shape.src, n, c, y, x)] + before;
    }
    double dst(int n, int k, int y, int x) const {
        double sum = 0;
        for_each({1, shape.src.c, shape.filter_h, shape.filter_w}, [&](int, int c, int r, int s) {
            if_inside(y, x, r, s,
                      [&](int sy, int sx) { sum += shifted(n, c, sy, sx) * weights.at(k, c, r, s); });
        });
        return sum * scale + after;
    }
    double loss(const Tensor& diff_dst) const {
        double sum = 0;
        for_each(shape.dst(), [&](int n, int k, int y, int x) {
            sum += dst(n, k, y, x) * diff_dst.values()[at(shape.dst(), n, k, y, x)];
        });
        return sum;
    }
    // Exact where the loss is linear in `what`.
    template <typename T>
    double slope(T& what, const Tensor& diff_dst) const {
        const T kept = what;
        what = kept + T(1);
        const double above = loss(diff_dst);
        what = kept - T(1);
        const double below = loss(diff_dst);
        what = kept;
        return (above - below) / 2;
    }
};

// What fold_scalars made.
struct Folded {
    AlignedArray<float> taps;
    Weights weights;
    std::vector<float> bias;

    Folded(const Problem& problem, const ConvScalars& scalars, Workspace& workspace)
        : taps(tap_sums_size(problem.shape)),
          weights(problem.shape.weights()),
          bias(static_cast<std::size_t>(problem.shape.k), -77.0F) {
        std::fill(taps.begin(), taps.end(), -77.0F);
        std::fill(weights.values().begin(), weights.values().end(), -77.0F);
        fold_scalars(problem.shape, problem.weights.view(), scalars, all_taps(), weights.view(), bias,
                     workspace);
    }
    std::span<float> all_taps() { return {taps.data(), taps.size()}; }
};

class ShiftedConvTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, ShiftedConvTest, testing::Values(1, 2));

TEST_P(ShiftedConvTest, FoldingSumsTapsScalesWeightsAndMakesTheBiasOfTheMiddle) {
    for (const ConvShape& shape : all_shapes()) {
        SCOPED_TRACE(text(shape));
        const Problem problem(shape, kScalars);
        const Folded folded(problem, kScalars, workspace);
        const int channels = channel_blocks(shape.k) * kLanes;
        ASSERT_EQ(folded.taps.size(), static_cast<std::size_t>(shape.filter_h * shape.filter_w * channels));
        std::vector<double> sums(static_cast<std::size_t>(channels));
        for_each({1, channels, shape.filter_h, shape.filter_w}, [&](int, int k, int r, int s) {
            double sum = 0;
            for (int c = 0; k < shape.k && c < shape.src.c; ++c) sum += problem.weights.at(k, c, r, s);
            const int tap = (r * shape.filter_w + s) * channels + k;
            ASSERT_EQ(folded.taps[static_cast<std::size_t>(tap)], sum) << k << " " << r << " " << s;
            sums[static_cast<std::size_t>(k)] += sum;
        });
        for (std::size_t i = 0; i < folded.weights.values().size(); ++i)
            ASSERT_EQ(folded.weights.values()[i], problem.weights.values()[i] * kScalars.scale);
        for (std::size_t k = 0; k < folded.bias.size(); ++k)
            ASSERT_EQ(folded.bias[k], sums[k] * kScalars.before * kScalars.scale + kScalars.after);
    }
}

// Where there is no padding, all there is to do is the bias.
TEST_P(ShiftedConvTest, WithoutPaddingABiasIsEnough) {
    for (const ConvShape& shape : unpadded()) {
        SCOPED_TRACE(text(shape));
        const Problem problem(shape, kScalars);
        const Folded folded(problem, kScalars, workspace);
        Tensor dst = stale(shape.dst());
        Conv2d(shape, Policy::zero_skip)
            .forward(problem.src.view(), PackedWeights(folded.weights.view()), folded.bias, dst.view(),
                     workspace);
        for_each(shape.dst(), [&](int n, int k, int y, int x) {
            ASSERT_EQ(dst.values()[at(shape.dst(), n, k, y, x)], problem.dst(n, k, y, x));
        });
    }
}

TEST_P(ShiftedConvTest, BordersGetWhatTheirTapsInsideGive) {
    for (const ConvShape& shape : padded())
        for (const ConvScalars& scalars : {kScalars, kNoScale}) {
            SCOPED_TRACE(text(shape));
            const Problem problem(shape, scalars);
            Folded folded(problem, scalars, workspace);
            Tensor sums(shape.dst()), dst = stale(shape.dst()), rectified = stale(shape.dst());
            Mask mask = stale_mask(shape.dst());
            Conv2d(shape, Policy::dense)
                .forward(problem.src.view(), PackedWeights(folded.weights.view()), {}, sums.view(),
                         workspace);
            add_shift(shape, folded.all_taps(), scalars, sums.view(), dst.view(), workspace);
            add_shift_relu(shape, folded.all_taps(), scalars, sums.view(), rectified.view(), mask.view(),
                           workspace);
            int negative = 0, positive = 0;
            for_each(shape.dst(), [&](int n, int k, int y, int x) {
                const double expected = problem.dst(n, k, y, x);
                const std::size_t i = at(shape.dst(), n, k, y, x);
                ASSERT_EQ(dst.values()[i], expected) << n << " " << k << " " << y << " " << x;
                ASSERT_EQ(rectified.values()[i], std::max(expected, 0.0));
                ASSERT_EQ(bit(mask.view(), n, k, y, x), expected > 0);
                negative += expected < 0;
                positive += expected > 0;
            });
            EXPECT_GT(negative, 0);
            EXPECT_GT(positive, 0);
            for_each_padding(shape.dst(), [&](int n, int k, int y, int x) {
                const std::size_t i = at(shape.dst(), n, k, y, x);
                ASSERT_EQ(dst.values()[i], 0);
                ASSERT_EQ(rectified.values()[i], 0);
                ASSERT_FALSE(bit(mask.view(), n, k, y, x));
            });
            // In place.
            add_shift(shape, folded.all_taps(), scalars, sums.view(), sums.view(), workspace);
            for (std::size_t i = 0; i < shape.dst().elements(); ++i)
                ASSERT_EQ(sums.values()[i], dst.values()[i]);
        }
}

TEST_P(ShiftedConvTest, ReluInPlaceGivesTheSameAndCountsItsMask) {
    const ConvShape shape = padded().front();
    const Problem problem(shape, kScalars);
    Folded folded(problem, kScalars, workspace);
    Tensor sums = small_integers(shape.dst(), 7), dst(shape.dst());
    Mask mask(shape.dst()), mask_in_place(shape.dst());
    add_shift_relu(shape, folded.all_taps(), kScalars, sums.view(), dst.view(), mask.view(), workspace);
    add_shift_relu(shape, folded.all_taps(), kScalars, sums.view(), sums.view(), mask_in_place.view(),
                   workspace);
    std::int64_t set = 0;
    for (std::size_t i = 0; i < shape.dst().elements(); ++i) {
        ASSERT_EQ(sums.values()[i], dst.values()[i]);
        ASSERT_EQ(mask.words()[i / kLanes], mask_in_place.words()[i / kLanes]);
        set += dst.values()[i] != 0;
    }
    EXPECT_EQ(*mask.view().set_bits, set);
}

TEST_P(ShiftedConvTest, NaNStaysVisible) {
    const ConvShape shape = conv({1, 16, 3, 3}, 16, 3, 1, {1, 1, 1, 1});
    const Problem problem(shape, kScalars);
    Folded folded(problem, kScalars, workspace);
    Tensor sums(shape.dst()), dst(shape.dst());
    Mask mask(shape.dst());
    sums.values()[0] = std::numeric_limits<float>::quiet_NaN();
    sums.values()[1] = std::numeric_limits<float>::infinity();
    sums.values()[2] = -std::numeric_limits<float>::infinity();
    add_shift_relu(shape, folded.all_taps(), kScalars, sums.view(), dst.view(), mask.view(), workspace);
    EXPECT_TRUE(std::isnan(dst.values()[0]));
    EXPECT_EQ(dst.values()[1], std::numeric_limits<float>::infinity());
    EXPECT_EQ(dst.values()[2], 0);
    EXPECT_EQ(mask.words()[0] & 0b111, 0b011);
    add_shift(shape, folded.all_taps(), kScalars, sums.view(), dst.view(), workspace);
    EXPECT_TRUE(std::isnan(dst.values()[0]));
    EXPECT_EQ(dst.values()[2], -std::numeric_limits<float>::infinity());
}

// Of every weight: the loss is linear in it.
double gradient_of_weight(const Problem& problem, const Tensor& diff_dst, int k, int c, int r, int s) {
    const Shape shape = problem.shape.dst();
    double sum = 0;
    for_each({shape.n, 1, shape.h, shape.w}, [&](int n, int, int y, int x) {
        problem.if_inside(y, x, r, s, [&](int sy, int sx) {
            sum += problem.shifted(n, c, sy, sx) * diff_dst.values()[at(shape, n, k, y, x)];
        });
    });
    return sum * problem.scale;
}

TEST_P(ShiftedConvTest, GradientsAreThoseOfFiniteDifferences) {
    for (const ConvShape& shape : all_shapes())
        for (const ConvScalars& scalars : {kScalars, kNoScale}) {
            SCOPED_TRACE(text(shape));
            Problem problem(shape, scalars);
            Folded folded(problem, scalars, workspace);
            const Tensor diff_dst = small_integers(shape.dst(), 3);
            Weights diff_weights(shape.weights());
            Conv2d(shape, Policy::dense)
                .backward_weights(problem.src.view(), diff_dst.view(), diff_weights.view(), {}, workspace);
            const ConvScalars gradients =
                unfold_gradients(shape, problem.weights.view(), folded.all_taps(), scalars, diff_dst.view(),
                                 diff_weights.view(), workspace);
            EXPECT_EQ(gradients.before, problem.slope(problem.before, diff_dst));
            EXPECT_EQ(gradients.scale, problem.slope(problem.scale, diff_dst));
            EXPECT_EQ(gradients.after, problem.slope(problem.after, diff_dst));
            double all = 0, stored = 0;
            const WeightsShape filters = shape.weights();
            for_each({filters.k, filters.c, filters.r, filters.s}, [&](int k, int c, int r, int s) {
                const double expected = gradient_of_weight(problem, diff_dst, k, c, r, s);
                ASSERT_EQ(diff_weights.at(k, c, r, s), expected) << k << " " << c << " " << r << " " << s;
                all += std::abs(expected);
            });
            for (const float value : diff_weights.values()) stored += std::abs(value);
            EXPECT_EQ(stored, all) << "something in the lanes that pad channels";
            EXPECT_GT(all, 0);
            float& weight = problem.weights.at(filters.k - 1, filters.c / 2, filters.r - 1, 0);
            EXPECT_EQ(diff_weights.at(filters.k - 1, filters.c / 2, filters.r - 1, 0),
                      problem.slope(weight, diff_dst));
        }
}

// bwd_data with the folded weights.
TEST_P(ShiftedConvTest, GradientsOfSrcAreThoseOfTheFoldedWeights) {
    const ConvShape shape = padded().front();
    Problem problem(shape, kScalars);
    const Folded folded(problem, kScalars, workspace);
    const Tensor diff_dst = small_integers(shape.dst(), 3);
    Tensor diff_src(shape.src);
    Conv2d(shape, Policy::dense)
        .backward_data(diff_dst.view(), PackedWeights(folded.weights.view()), diff_src.view(), workspace);
    int tested = 0;
    for_each(shape.src, [&](int n, int c, int y, int x) {
        if ((c * 31 + y * shape.src.w + x) % 37 != 0) return;
        const std::size_t i = at(shape.src, n, c, y, x);
        ASSERT_EQ(diff_src.values()[i], problem.slope(problem.src.values()[i], diff_dst));
        ++tested;
    });
    EXPECT_GT(tested, 10);
}

// With a scale of 1, weights are their own folded ones.
TEST_P(ShiftedConvTest, WithoutScaleNobodyNeedsACopyOfTheWeights) {
    const ConvShape shape = padded().front();
    const Problem problem(shape, kNoScale);
    const Folded with(problem, kNoScale, workspace);
    AlignedArray<float> taps(tap_sums_size(shape));
    std::vector<float> bias(static_cast<std::size_t>(shape.k));
    fold_scalars(shape, problem.weights.view(), kNoScale, {taps.data(), taps.size()}, {}, bias, workspace);
    EXPECT_EQ(bias, with.bias);
    EXPECT_TRUE(std::equal(taps.begin(), taps.end(), with.taps.begin(), with.taps.end()));
}

TEST(ShiftedConvErrors, NameTheFunctionTheArgumentAndBothValues) {
    Workspace workspace;
    const ConvShape shape = conv({1, 16, 4, 5}, 20, 3, 1, {1, 1, 1, 1});
    Weights weights(shape.weights()), folded(shape.weights()), other({20, 17, 3, 3});
    AlignedArray<float> array(tap_sums_size(shape));
    EXPECT_EQ(array.size(), 9U * 32);
    const std::span<float> taps(array.data(), array.size());
    std::vector<float> bias(20);
    const auto fold = [&](WeightsView from, std::span<float> to, WeightsView copy, std::span<float> sums) {
        return [=, &workspace] { fold_scalars(shape, from, kScalars, to, copy, sums, workspace); };
    };
    expect_invalid(fold(weights.view(), taps, {}, bias),
                   {"fold_scalars", "folded", "scale is not 1", "no data"});
    expect_invalid(fold(weights.view(), taps.first(20), folded.view(), bias),
                   {"fold_scalars", "taps", "288", "20"});
    expect_invalid(fold(weights.view(), taps, folded.view(), std::span(bias).first(16)),
                   {"fold_scalars", "bias", "20", "16"});
    expect_invalid(fold(other.view(), taps, folded.view(), bias),
                   {"fold_scalars", "weights", "K20 C16 R3 S3", "K20 C17 R3 S3"});
    expect_invalid(fold(weights.view(), taps, weights.view(), bias),
                   {"fold_scalars", "folded", "weights", "overlaps"});
    expect_invalid(fold(weights.view(), {static_cast<float*>(nullptr), taps.size()}, folded.view(), bias),
                   {"fold_scalars", "taps", "null"});

    Tensor sums(shape.dst()), dst(shape.dst()), wrong({1, 20, 4, 6}), twice({2, 20, 4, 5});
    Mask mask(shape.dst());
    expect_invalid([&] { add_shift(shape, taps, kScalars, wrong.view(), dst.view(), workspace); },
                   {"add_shift", "conv", "N1 C20 H4 W5", "N1 C20 H4 W6"});
    expect_invalid([&] { add_shift(shape, taps.first(5), kScalars, sums.view(), dst.view(), workspace); },
                   {"add_shift", "taps", "288", "5"});
    const TensorView front{twice.view().data, shape.dst()}, behind{front.data + kLanes, shape.dst()};
    expect_invalid([&] { add_shift(shape, taps, kScalars, front, behind, workspace); },
                   {"add_shift", "dst", "conv", "overlaps"});
    expect_invalid([&] { add_shift_relu(shape, taps, kScalars, sums.view(), dst.view(), {}, workspace); },
                   {"add_shift_relu", "dst_mask"});
    expect_invalid(
        [&] { add_shift_relu(shape, taps, kScalars, sums.view(), wrong.view(), mask.view(), workspace); },
        {"add_shift_relu", "dst", "N1 C20 H4 W5", "N1 C20 H4 W6"});
    const auto unfold = [&](ConstTensorView diff, WeightsView to) {
        return [=, &workspace, &weights] {
            unfold_gradients(shape, weights.view(), taps, kScalars, diff, to, workspace);
        };
    };
    expect_invalid(unfold(wrong.view(), folded.view()),
                   {"unfold_gradients", "diff_dst", "N1 C20 H4 W5", "N1 C20 H4 W6"});
    expect_invalid(unfold(dst.view(), weights.view()),
                   {"unfold_gradients", "diff_weights", "weights", "overlaps"});
    expect_invalid(unfold(dst.view(), other.view()),
                   {"unfold_gradients", "diff_weights", "K20 C16 R3 S3", "K20 C17 R3 S3"});
}

}  // namespace
}  // namespace sparsetrain::test
