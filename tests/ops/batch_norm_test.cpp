#include "sparsetrain/batch_norm.h"

#include <cmath>
#include <functional>
#include <limits>

#include "support.h"

namespace sparsetrain::test {
namespace {

using Channels = std::vector<float>;

// Values that are neither integers nor centred, each channel with a mean and deviation of its own.
Tensor reals(const Shape& shape, unsigned seed, double offset = 0) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> normal;
    Tensor tensor(shape);
    for_each(shape, [&](int n, int c, int y, int x) {
        const double deviation = 0.5 + 0.1 * (c % 7);
        tensor.values()[at(shape, n, c, y, x)] =
            static_cast<float>((offset + c % 5) * deviation + deviation * normal(engine));
    });
    return tensor;
}
Channels channels_of(int count, double first, double step) {
    Channels channels;
    for (int c = 0; c < count; ++c) channels.push_back(static_cast<float>(first + step * (c % 11)));
    return channels;
}

// In double, by definition.
struct Reference {
    std::vector<double> mean, variance;

    explicit Reference(const Tensor& src) {
        const Shape& s = src.shape();
        const double count = static_cast<double>(s.n) * s.h * s.w;
        mean.resize(static_cast<std::size_t>(s.c));
        variance.resize(mean.size());
        const auto value = [&](int n, int c, int y, int x) -> double {
            return src.values()[at(s, n, c, y, x)];
        };
        for_each(s, [&](int n, int c, int y, int x) {
            mean[static_cast<std::size_t>(c)] += value(n, c, y, x) / count;
        });
        for_each(s, [&](int n, int c, int y, int x) {
            const double distance = value(n, c, y, x) - mean[static_cast<std::size_t>(c)];
            variance[static_cast<std::size_t>(c)] += distance * distance / count;
        });
    }
};

// A batch with its statistics and everything that a call may be given.
struct Batch {
    explicit Batch(const Shape& its_shape, Workspace& workspace)
        : shape(its_shape),
          src(reals(shape, 1)),
          addend(reals(shape, 2)),
          diff_dst(reals(shape, 3)),
          mean(static_cast<std::size_t>(shape.c)),
          variance(mean.size()),
          scale(channels_of(shape.c, -0.5, 0.25)),
          shift(channels_of(shape.c, 0.3, -0.1)) {
        batch_statistics(src.view(), mean, variance, workspace);
    }
    BatchNorm norm() const { return {mean, variance, scale, shift, 1e-3F, statistics}; }

    double count() const { return static_cast<double>(shape.n) * shape.h * shape.w; }
    double rstd(int c) const { return 1 / std::sqrt(variance[index(c)] + double{1e-3F}); }
    double normal(int n, int c, int y, int x) const {
        return (src.values()[at(shape, n, c, y, x)] - double{mean[index(c)]}) * rstd(c);
    }
    double result(int n, int c, int y, int x) const {
        return normal(n, c, y, x) * scale[index(c)] + shift[index(c)];
    }
    static std::size_t index(int c) { return static_cast<std::size_t>(c); }

    Shape shape;
    Tensor src, addend, diff_dst;
    Channels mean, variance, scale, shift;
    BatchNorm::Statistics statistics = BatchNorm::Statistics::of_src;
};

// That of float sums of a few terms of this size.
double tolerance(double value) {
    return 2e-6 * (3 + std::abs(value));
}

void expect_padding_is_zero(const Tensor& tensor) {
    for_each_padding(tensor.shape(), [&](int n, int c, int y, int x) {
        ASSERT_EQ(tensor.values()[at(tensor.shape(), n, c, y, x)], 0);
    });
}

class BatchNormTest : public testing::TestWithParam<int> {
  protected:
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
        const Reference expected(src);
        Channels mean(20), variance(20);
        batch_statistics(src.view(), mean, variance, workspace);
        for (std::size_t c = 0; c < mean.size(); ++c)
            ASSERT_NEAR(variance[c] / expected.variance[c], 1, 1e-5) << c;
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
        const Reference expected(src);
        Channels mean(16), variance(16);
        batch_statistics(src.view(), mean, variance, workspace);
        for (std::size_t c = 0; c < mean.size(); ++c)
            ASSERT_NEAR(variance[c] / expected.variance[c], 1, 1e-5) << c;
    }
}

// A first pixel far from the others, as zeros with a peak among them.
TEST_P(BatchNormTest, VarianceIsRightBesideAPeak) {
    Tensor src = reals({1, 16, 16, 16}, 6, 1000);
    for (std::size_t i = 0; i < kLanes; ++i) src.values()[i] = 0;
    const Reference expected(src);
    Channels mean(16), variance(16);
    batch_statistics(src.view(), mean, variance, workspace);
    for (std::size_t c = 0; c < mean.size(); ++c)
        ASSERT_NEAR(variance[c] / expected.variance[c], 1, 1e-5) << c;
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

// What the loss sum(dst * diff_dst) has as its gradient, in double: by the formulas, which
// GradientsAreThoseOfFiniteDifferences checks.
struct Gradients {
    std::vector<double> scale, shift, src;  // src as for_each visits it

    Gradients(const Batch& batch, const std::function<double(std::size_t)>& gradient_at) {
        scale.resize(Batch::index(batch.shape.c));
        shift.resize(scale.size());
        for_each(batch.shape, [&](int n, int c, int y, int x) {
            const double gradient = gradient_at(at(batch.shape, n, c, y, x));
            shift[Batch::index(c)] += gradient;
            scale[Batch::index(c)] += gradient * batch.normal(n, c, y, x);
        });
        const bool follows = batch.statistics == BatchNorm::Statistics::of_src;
        for_each(batch.shape, [&](int n, int c, int y, int x) {
            const std::size_t i = Batch::index(c);
            const double of_mean = (shift[i] + batch.normal(n, c, y, x) * scale[i]) / batch.count();
            const double gradient = gradient_at(at(batch.shape, n, c, y, x)) - (follows ? of_mean : 0);
            src.push_back(batch.scale[i] * batch.rstd(c) * gradient);
        });
    }
};

void expect_gradients(const Gradients& expected, const Batch& batch, const Tensor& diff_src,
                      const Channels& diff_scale, const Channels& diff_shift) {
    const double sums = std::sqrt(batch.count());
    for (std::size_t c = 0; c < diff_scale.size(); ++c) {
        ASSERT_NEAR(diff_scale[c], expected.scale[c], 4 * sums * tolerance(expected.scale[c])) << c;
        ASSERT_NEAR(diff_shift[c], expected.shift[c], 4 * sums * tolerance(expected.shift[c])) << c;
    }
    auto element = expected.src.begin();
    for_each(batch.shape, [&](int n, int c, int y, int x) {
        const double factor = std::abs(batch.scale[Batch::index(c)]) * batch.rstd(c) + 1;
        ASSERT_NEAR(diff_src.values()[at(batch.shape, n, c, y, x)], *element,
                    10 * factor * tolerance(*element));
        ++element;
    });
    expect_padding_is_zero(diff_src);
}

TEST_P(BatchNormTest, BackwardOfEachFormGivesAllGradients) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        Batch batch(shape, workspace);
        for (const auto statistics : {BatchNorm::Statistics::of_src, BatchNorm::Statistics::constant}) {
            batch.statistics = statistics;
            Tensor dst(shape), diff_src = stale(shape), diff_addend = stale(shape);
            Mask mask(shape);
            Channels scale(batch.scale), shift(batch.scale);
            const BatchNormGradients gradients{scale, shift};
            const auto plain = [&](std::size_t i) -> double { return batch.diff_dst.values()[i]; };
            const auto rectified = [&](std::size_t i) {
                const bool kept = (mask.words()[i / kLanes] >> (i % kLanes) & 1) != 0;
                return kept ? plain(i) : 0.0;
            };
            batch_norm_backward(batch.src.view(), batch.norm(), batch.diff_dst.view(), diff_src.view(),
                                gradients, workspace);
            expect_gradients(Gradients(batch, plain), batch, diff_src, scale, shift);

            batch_norm_relu(batch.src.view(), batch.norm(), dst.view(), mask.view(), workspace);
            batch_norm_relu_backward(batch.src.view(), batch.norm(), batch.diff_dst.view(), mask.view(),
                                     diff_src.view(), gradients, workspace);
            expect_gradients(Gradients(batch, rectified), batch, diff_src, scale, shift);

            batch_norm_add_relu(batch.src.view(), batch.norm(), batch.addend.view(), dst.view(), mask.view(),
                                workspace);
            batch_norm_add_relu_backward(batch.src.view(), batch.norm(), batch.diff_dst.view(), mask.view(),
                                         diff_src.view(), diff_addend.view(), gradients, workspace);
            expect_gradients(Gradients(batch, rectified), batch, diff_src, scale, shift);
            for (std::size_t i = 0; i < shape.elements(); ++i)
                ASSERT_EQ(diff_addend.values()[i], static_cast<float>(rectified(i)));
        }
    }
}

// The formulas of Gradients, from the definition alone: statistics, in double, of src with one value moved.
TEST(BatchNorm, GradientsAreThoseOfFiniteDifferences) {
    Workspace workspace;
    const Batch batch({2, 3, 2, 3}, workspace);
    const Gradients gradients(batch, [&](std::size_t i) { return batch.diff_dst.values()[i]; });
    const auto loss = [&](std::size_t moved, double by) {
        std::vector<double> src(batch.src.values().begin(), batch.src.values().end());
        src[moved] += by;
        double sum = 0;
        for (int channel = 0; channel < batch.shape.c; ++channel) {
            double mean = 0, variance = 0;
            const auto for_channel = [&](auto visit) {
                for_each(batch.shape, [&](int n, int c, int y, int x) {
                    if (c == channel) visit(at(batch.shape, n, c, y, x));
                });
            };
            for_channel([&](std::size_t i) { mean += src[i] / batch.count(); });
            for_channel(
                [&](std::size_t i) { variance += (src[i] - mean) * (src[i] - mean) / batch.count(); });
            const double factor = batch.scale[Batch::index(channel)] / std::sqrt(variance + double{1e-3F});
            for_channel([&](std::size_t i) {
                sum += ((src[i] - mean) * factor + batch.shift[Batch::index(channel)]) *
                       batch.diff_dst.values()[i];
            });
        }
        return sum;
    };
    auto element = gradients.src.begin();
    for_each(batch.shape, [&](int n, int c, int y, int x) {
        constexpr double kStep = 1e-5;
        const std::size_t i = at(batch.shape, n, c, y, x);
        const double difference = (loss(i, kStep) - loss(i, -kStep)) / (2 * kStep);
        ASSERT_NEAR(*element, difference, 1e-5 * (1 + std::abs(difference)));
        ++element;
    });
}

TEST_P(BatchNormTest, WorksInPlace) {
    const Shape shape{3, 20, 9, 7};
    const Batch batch(shape, workspace);
    const auto copy_of = [&](const Tensor& tensor) {
        Tensor copy(shape);
        std::copy(tensor.values().begin(), tensor.values().end(), copy.values().begin());
        return copy;
    };
    const auto expect_same = [](const Tensor& a, const Tensor& b) {
        for (std::size_t i = 0; i < a.shape().elements(); ++i) ASSERT_EQ(a.values()[i], b.values()[i]);
    };
    Tensor dst(shape), diff_src(shape), diff_addend(shape);
    Mask mask(shape), mask_in_place(shape);
    Channels scale(20), shift(20);

    Tensor in_place = copy_of(batch.src);
    batch_norm(batch.src.view(), batch.norm(), dst.view(), workspace);
    batch_norm(in_place.view(), batch.norm(), in_place.view(), workspace);
    expect_same(dst, in_place);

    in_place = copy_of(batch.addend);
    batch_norm_add_relu(batch.src.view(), batch.norm(), batch.addend.view(), dst.view(), mask.view(),
                        workspace);
    batch_norm_add_relu(batch.src.view(), batch.norm(), in_place.view(), in_place.view(),
                        mask_in_place.view(), workspace);
    expect_same(dst, in_place);
    const auto expect_same_masks = [&] {
        for (std::size_t i = 0; i < shape.pixels(); ++i) ASSERT_EQ(mask.words()[i], mask_in_place.words()[i]);
    };
    expect_same_masks();

    in_place = copy_of(batch.src);
    batch_norm_add_relu(in_place.view(), batch.norm(), batch.addend.view(), in_place.view(),
                        mask_in_place.view(), workspace);
    expect_same(dst, in_place);
    expect_same_masks();

    in_place = copy_of(batch.src);
    batch_norm_relu(batch.src.view(), batch.norm(), dst.view(), mask.view(), workspace);
    batch_norm_relu(in_place.view(), batch.norm(), in_place.view(), mask_in_place.view(), workspace);
    expect_same(dst, in_place);
    expect_same_masks();

    in_place = copy_of(batch.diff_dst);
    batch_norm_backward(batch.src.view(), batch.norm(), batch.diff_dst.view(), diff_src.view(),
                        {scale, shift}, workspace);
    batch_norm_backward(batch.src.view(), batch.norm(), in_place.view(), in_place.view(), {scale, shift},
                        workspace);
    expect_same(diff_src, in_place);

    in_place = copy_of(batch.diff_dst);
    Tensor diff_src_too(shape);
    batch_norm_add_relu_backward(batch.src.view(), batch.norm(), batch.diff_dst.view(), mask.view(),
                                 diff_src.view(), diff_addend.view(), {scale, shift}, workspace);
    batch_norm_add_relu_backward(batch.src.view(), batch.norm(), in_place.view(), mask.view(),
                                 diff_src_too.view(), in_place.view(), {scale, shift}, workspace);
    expect_same(diff_src, diff_src_too);
    expect_same(diff_addend, in_place);

    in_place = copy_of(batch.diff_dst);
    batch_norm_relu_backward(in_place.view(), batch.norm(), batch.diff_dst.view(), mask.view(),
                             diff_src.view(), {scale, shift}, workspace);
    batch_norm_relu_backward(batch.diff_dst.view(), batch.norm(), in_place.view(), mask.view(),
                             in_place.view(), {scale, shift}, workspace);
    expect_same(diff_src, in_place);
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
