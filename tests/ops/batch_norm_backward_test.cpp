// The backward of batch normalisation; and all of its functions in place.
#include <cmath>
#include <functional>

#include "normalised_batch.h"

namespace sparsetrain::test {
namespace {

class BatchNormBackwardTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, BatchNormBackwardTest, testing::Values(1, 2));

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

TEST_P(BatchNormBackwardTest, BackwardOfEachFormGivesAllGradients) {
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

TEST_P(BatchNormBackwardTest, WorksInPlace) {
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

}  // namespace
}  // namespace sparsetrain::test
