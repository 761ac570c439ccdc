#include "sparsetrain/linear.h"

#include <bit>
#include <cmath>
#include <limits>

#include "sparsetrain/conv2d.h"
#include "sparsetrain/relu.h"
#include "support.h"

namespace sparsetrain::test {
namespace {

class LinearTest : public testing::TestWithParam<int> {
  protected:
    Workspace workspace{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Threads, LinearTest, testing::Values(1, 2));

// No two alike, so that whatever is in the wrong place shows.
Tensor distinct(const Shape& shape) {
    Tensor tensor(shape);
    float next = 1;
    for_each(shape, [&](int n, int c, int y, int x) { tensor.values()[at(shape, n, c, y, x)] = next++; });
    return tensor;
}

int features_of_memory(const Shape& images) {
    return channel_blocks(images.c) * kLanes * images.h * images.w;
}

TEST_P(LinearTest, APictureHasAnImagePerPixelAndItsMemoryAsChannels) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const Tensor images = distinct(shape);
        const Shape wanted = picture_of_features(shape);
        const int per_image = features_of_memory(shape);
        ASSERT_EQ(wanted, (Shape{1, shape.h * shape.w == 1 ? shape.c : per_image, 1, shape.n}));
        Tensor picture = stale(wanted), back = stale(shape);
        images_to_picture(images.view(), picture.view(), {}, workspace);
        for (int n = 0; n < shape.n; ++n)
            for (int f = 0; f < per_image; ++f)
                ASSERT_EQ(picture.values()[at(wanted, 0, f, 0, n)],
                          images.values()[static_cast<std::size_t>(n * per_image + f)])
                    << n << " " << f;
        picture_to_images(picture.view(), back.view(), {}, workspace);
        for (std::size_t i = 0; i < shape.elements(); ++i)
            ASSERT_EQ(back.values()[i], images.values()[i]) << i;
    }
}

TEST_P(LinearTest, MasksMoveWithTheirValuesAndAreCounted) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        Tensor images = small_integers(shape, 1);
        const Shape wanted = picture_of_features(shape);
        Tensor picture = stale(wanted), back = stale(shape);
        Mask mask(shape), picture_mask = stale_mask(wanted), back_mask = stale_mask(shape);
        occupancy_mask(images.view(), mask.view(), workspace);
        images_to_picture({images.view(), mask.view()}, picture.view(), picture_mask.view(), workspace);
        std::int64_t set = 0;
        for_each({1, channel_blocks(wanted.c) * kLanes, 1, shape.n}, [&](int n, int f, int y, int x) {
            const bool is_set = bit(picture_mask.view(), n, f, y, x);
            ASSERT_EQ(is_set, picture.values()[at(wanted, n, f, y, x)] != 0);
            set += is_set;
        });
        EXPECT_EQ(*picture_mask.view().set_bits, set);
        picture_to_images({picture.view(), picture_mask.view()}, back.view(), back_mask.view(), workspace);
        for (std::size_t i = 0; i < shape.pixels(); ++i) ASSERT_EQ(back_mask.words()[i], mask.words()[i]);
        EXPECT_EQ(*back_mask.view().set_bits, set);
    }
}

TEST_P(LinearTest, EveryBitOfAValueMoves) {
    const Shape shape{3, 17, 2, 3};
    Tensor images = small_integers(shape, 2);
    const float values[] = {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(),
                            -0.0F, std::numeric_limits<float>::denorm_min()};
    int channel = 0;
    for (const float value : values) images.values()[at(shape, 1, channel++, 1, 0)] = value;
    Tensor picture(picture_of_features(shape)), back = stale(shape);
    images_to_picture(images.view(), picture.view(), {}, workspace);
    picture_to_images(picture.view(), back.view(), {}, workspace);
    for (std::size_t i = 0; i < shape.elements(); ++i)
        ASSERT_EQ(std::bit_cast<std::uint32_t>(back.values()[i]),
                  std::bit_cast<std::uint32_t>(images.values()[i]));
}

// A linear layer of `k` outputs, with integers for data, so that all sums are exact.
struct Linear {
    Shape images;
    int k;

    WeightsShape filters() const { return {k, images.c, images.h, images.w}; }
    ConvShape conv() const {
        return {.src = picture_of_features(images), .k = k, .filter_h = 1, .filter_w = 1, .padding = {}};
    }
    // Filters as large as the images; for the convolution they lie as they should.
    Weights weights() const {
        std::mt19937 engine(5);
        Weights made(filters());
        for_each({k, images.c, images.h, images.w}, [&](int ki, int c, int y, int x) {
            made.at(ki, c, y, x) = static_cast<float>(engine() % 5) - 2.0F;
        });
        return made;
    }
};

std::string text(const Linear& linear) {
    return test::text(linear.images) + " K" + std::to_string(linear.k);
}

const Linear kLinears[] = {{{3, 20, 2, 3}, 10}, {{2, 16, 1, 1}, 1},  {{5, 33, 1, 1}, 40},
                           {{1, 48, 3, 3}, 17}, {{4, 7, 7, 7}, 16},  {{9, 64, 1, 2}, 100},
                           {{2, 1, 3, 1}, 33},  {{17, 100, 1, 1}, 5}};

double dot_of_image(const Linear& linear, const Tensor& src, const Weights& weights, int n, int k) {
    double sum = 0;
    for_each({1, linear.images.c, linear.images.h, linear.images.w}, [&](int, int c, int y, int x) {
        sum += static_cast<double>(src.values()[at(linear.images, n, c, y, x)]) * weights.at(k, c, y, x);
    });
    return sum;
}

TEST_P(LinearTest, AConvolutionOfThePictureIsAMatrixProduct) {
    for (const Linear& linear : kLinears)
        for (const Policy policy : {Policy::dense, Policy::zero_skip, Policy::automatic}) {
            SCOPED_TRACE(text(linear) + " " + to_string(policy));
            const Tensor src = small_integers(linear.images, 3);
            const Weights weights = linear.weights();
            const ConvShape conv = linear.conv();
            ASSERT_EQ(conv.weights().elements(), linear.filters().elements());
            Tensor picture(conv.src), dst = stale(conv.dst());
            images_to_picture(src.view(), picture.view(), {}, workspace);
            const PackedWeights packed({weights.values().data(), conv.weights()});
            const std::vector<float> bias(static_cast<std::size_t>(linear.k), 0.5F);
            Conv2d(conv, policy).forward(picture.view(), packed, bias, dst.view(), workspace);
            for_each({linear.images.n, linear.k, 1, 1}, [&](int n, int k, int, int) {
                ASSERT_EQ(dst.values()[at(conv.dst(), 0, k, 0, n)],
                          dot_of_image(linear, src, weights, n, k) + 0.5);
            });
        }
}

TEST_P(LinearTest, ItsGradientsAreThoseOfTheProduct) {
    for (const Linear& linear : kLinears) {
        SCOPED_TRACE(text(linear));
        const Tensor src = small_integers(linear.images, 3);
        const Weights weights = linear.weights();
        const ConvShape conv = linear.conv();
        const Tensor diff_dst = small_integers(conv.dst(), 4);
        const auto diff = [&](int n, int k) {
            return static_cast<double>(diff_dst.values()[at(conv.dst(), 0, k, 0, n)]);
        };
        Tensor picture(conv.src), diff_picture(conv.src), diff_src = stale(linear.images);
        images_to_picture(src.view(), picture.view(), {}, workspace);
        Weights diff_weights(linear.filters());
        const Conv2d plan(conv, Policy::dense);
        const PackedWeights packed({weights.values().data(), conv.weights()});
        plan.backward_data(diff_dst.view(), packed, diff_picture.view(), workspace);
        picture_to_images(diff_picture.view(), diff_src.view(), {}, workspace);
        plan.backward_weights(picture.view(), diff_dst.view(), {diff_weights.values().data(), conv.weights()},
                              {}, workspace);
        for_each(linear.images, [&](int n, int c, int y, int x) {
            double sum = 0;
            for (int k = 0; k < linear.k; ++k) sum += diff(n, k) * weights.at(k, c, y, x);
            ASSERT_EQ(diff_src.values()[at(linear.images, n, c, y, x)], sum);
        });
        for_each_padding(linear.images, [&](int n, int c, int y, int x) {
            ASSERT_EQ(diff_src.values()[at(linear.images, n, c, y, x)], 0);
        });
        double all = 0;
        for_each({linear.k, linear.images.c, linear.images.h, linear.images.w},
                 [&](int k, int c, int y, int x) {
                     double sum = 0;
                     for (int n = 0; n < linear.images.n; ++n)
                         sum += diff(n, k) * src.values()[at(linear.images, n, c, y, x)];
                     ASSERT_EQ(diff_weights.at(k, c, y, x), sum);
                     all += std::abs(sum);
                 });
        double stored = 0;  // padding lanes included
        for (const float value : diff_weights.values()) stored += std::abs(value);
        EXPECT_EQ(stored, all);
    }
}

TEST(LinearErrors, NameTheFunctionTheArgumentAndBothValues) {
    Workspace workspace;
    const Shape shape{2, 20, 2, 3};
    Tensor images(shape), picture(picture_of_features(shape)), wrong({1, 192, 1, 3});
    Mask images_mask(shape), picture_mask(picture.shape()), wrong_mask(wrong.shape());
    EXPECT_EQ(picture.shape(), (Shape{1, 192, 1, 2}));
    expect_invalid(
        [] {
            static_cast<void>(picture_of_features({1, 16, 0, 1}));
        },
        {"picture_of_features", "images", "H0"});
    expect_invalid([&] { images_to_picture(images.view(), wrong.view(), {}, workspace); },
                   {"images_to_picture", "picture", "N1 C192 H1 W2", "N1 C192 H1 W3"});
    expect_invalid([&] { picture_to_images(wrong.view(), images.view(), {}, workspace); },
                   {"picture_to_images", "picture", "N1 C192 H1 W2", "N1 C192 H1 W3"});
    expect_invalid(
        [&] {
            images_to_picture({images.view(), images_mask.view()}, picture.view(), wrong_mask.view(),
                              workspace);
        },
        {"images_to_picture", "output mask", "N1 C192 H1 W2", "N1 C192 H1 W3"});
    expect_invalid(
        [&] {
            images_to_picture({images.view(), images_mask.view()}, picture.view(), {}, workspace);
        },
        {"images_to_picture", "masks", "both or none", "input alone"});
    expect_invalid([&] { picture_to_images(picture.view(), images.view(), images_mask.view(), workspace); },
                   {"picture_to_images", "masks", "both or none", "output alone"});
    expect_invalid(
        [&] {
            images_to_picture(images.view(), {nullptr, picture.shape()}, {}, workspace);
        },
        {"images_to_picture", "picture", "null"});
    const TensorView over{images.view().data, picture.shape()};
    expect_invalid([&] { images_to_picture(images.view(), over, {}, workspace); },
                   {"images_to_picture", "picture", "images", "overlaps"});
}

}  // namespace
}  // namespace sparsetrain::test
