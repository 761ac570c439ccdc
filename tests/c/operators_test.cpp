// Operators by the C interface, beside the same calls of the C++ API.
#include <vector>

#include "c_support.h"
#include "sparsetrain/concat.h"
#include "sparsetrain/dropout.h"
#include "sparsetrain/join.h"
#include "sparsetrain/linear.h"
#include "sparsetrain/loss.h"
#include "sparsetrain/relu.h"
#include "sparsetrain/sgd.h"

namespace sparsetrain::test {
namespace {

using OperatorsTest = CTest;

TEST_F(OperatorsTest, Relu) {
    const Tensor src = filled(shape, 1), diff_dst = filled(shape, 2);
    Tensor dst(shape), c_dst(shape), diff_src(shape), c_diff_src(shape);
    Mask mask(shape);
    CMask c_mask(shape);
    relu_forward(src.view(), dst.view(), mask.view(), workspace);
    ASSERT_DONE(
        sparsetrain_relu_forward(&c_shape, src.view().data, c_dst.view().data, c_mask.get(), c_workspace));
    EXPECT_TRUE(same(dst, c_dst));
    EXPECT_TRUE(same(mask, c_mask));

    relu_backward(diff_dst.view(), mask.view(), diff_src.view(), workspace);
    ASSERT_DONE(sparsetrain_relu_backward(&c_shape, diff_dst.view().data, c_mask.get(),
                                          c_diff_src.view().data, c_workspace));
    EXPECT_TRUE(same(diff_src, c_diff_src));
}

TEST_F(OperatorsTest, OccupancyMask) {
    const Tensor tensor = filled(shape, 1);
    Mask mask(shape);
    CMask c_mask(shape);
    occupancy_mask(tensor.view(), mask.view(), workspace);
    ASSERT_DONE(sparsetrain_occupancy_mask(&c_shape, tensor.view().data, c_mask.get(), c_workspace));
    EXPECT_TRUE(same(mask, c_mask));
    EXPECT_GT(c_mask.get()->set_bits, 0);
}

TEST_F(OperatorsTest, AddRelu) {
    const Tensor a = filled(shape, 1), b = filled(shape, 2);
    Tensor dst(shape), c_dst(shape);
    Mask mask(shape);
    CMask c_mask(shape);
    add_relu(a.view(), b.view(), dst.view(), mask.view(), workspace);
    ASSERT_DONE(sparsetrain_add_relu(&c_shape, a.view().data, b.view().data, c_dst.view().data, c_mask.get(),
                                     c_workspace));
    EXPECT_TRUE(same(dst, c_dst));
    EXPECT_TRUE(same(mask, c_mask));
}

// A part in the middle of a whole: what is around it stays, in the C caller's whole as in the other.
TEST_F(OperatorsTest, ChannelsOfAWhole) {
    constexpr int kFirst = 13;
    const Tensor part = filled(shape, 1);
    const Shape whole_shape{shape.n, 50, shape.h, shape.w};
    const sparsetrain_shape c_whole_shape = to_c(whole_shape);
    Tensor whole = filled(whole_shape, 2), c_whole = filled(whole_shape, 2);
    Mask part_mask(shape), whole_mask(whole_shape);
    occupancy_mask(part.view(), part_mask.view(), workspace);
    occupancy_mask(whole.view(), whole_mask.view(), workspace);
    CMask c_part_mask(part_mask), c_whole_mask(whole_mask);
    write_channels({part.view(), part_mask.view()}, kFirst, whole.view(), whole_mask.view(), workspace);
    ASSERT_DONE(sparsetrain_write_channels(&c_shape, &c_whole_shape, part.view().data, c_part_mask.get(),
                                           kFirst, c_whole.view().data, c_whole_mask.get(), c_workspace));
    EXPECT_TRUE(same(whole, c_whole));
    EXPECT_TRUE(same(whole_mask, c_whole_mask));

    Tensor read(shape), c_read(shape);
    Mask read_mask(shape);
    CMask c_read_mask(shape);
    read_channels({whole.view(), whole_mask.view()}, kFirst, read.view(), read_mask.view(), workspace);
    ASSERT_DONE(sparsetrain_read_channels(&c_whole_shape, &c_shape, c_whole.view().data, c_whole_mask.get(),
                                          kFirst, c_read.view().data, c_read_mask.get(), c_workspace));
    EXPECT_TRUE(same(part, c_read));
    EXPECT_TRUE(same(read, c_read));
    EXPECT_TRUE(same(read_mask, c_read_mask));
}

TEST_F(OperatorsTest, AddGradientsWithAMaskAndWithout) {
    const Tensor a = filled(shape, 1), b = filled(shape, 2);
    Tensor sum(shape), c_sum(shape);
    Mask mask(shape);
    occupancy_mask(a.view(), mask.view(), workspace);
    CMask c_mask(mask);
    add_gradients(a.view(), b.view(), mask.view(), sum.view(), workspace);
    ASSERT_DONE(sparsetrain_add_gradients(&c_shape, a.view().data, b.view().data, c_mask.get(),
                                          c_sum.view().data, c_workspace));
    EXPECT_TRUE(same(sum, c_sum));
    const Tensor masked = std::move(sum);

    sum = Tensor(shape);
    add_gradients(a.view(), b.view(), {}, sum.view(), workspace);
    ASSERT_DONE(sparsetrain_add_gradients(&c_shape, a.view().data, b.view().data, nullptr, c_sum.view().data,
                                          c_workspace));
    EXPECT_TRUE(same(sum, c_sum));
    EXPECT_FALSE(same(masked, c_sum));
}

TEST_F(OperatorsTest, Dropout) {
    constexpr float kRate = 0.4F;
    constexpr std::uint64_t kSeed = 0x123456789ABCDEF;
    const Tensor src = filled(shape, 1), diff_dst = filled(shape, 2);
    Mask src_mask(shape), kept(shape);
    occupancy_mask(src.view(), src_mask.view(), workspace);
    Tensor dst(shape), c_dst(shape), diff_src(shape), c_diff_src(shape);
    CMask c_src_mask(src_mask), c_kept(shape);
    dropout_forward({src.view(), src_mask.view()}, kRate, kSeed, dst.view(), kept.view(), workspace);
    ASSERT_DONE(sparsetrain_dropout_forward(&c_shape, src.view().data, c_src_mask.get(), kRate, kSeed,
                                            c_dst.view().data, c_kept.get(), c_workspace));
    EXPECT_TRUE(same(dst, c_dst));
    EXPECT_TRUE(same(kept, c_kept));
    dropout_backward(diff_dst.view(), kRate, kept.view(), diff_src.view(), workspace);
    ASSERT_DONE(sparsetrain_dropout_backward(&c_shape, diff_dst.view().data, kRate, c_kept.get(),
                                             c_diff_src.view().data, c_workspace));
    EXPECT_TRUE(same(diff_src, c_diff_src));
}

TEST_F(OperatorsTest, FeaturesOfImages) {
    const Shape picture_shape = picture_of_features(shape);
    sparsetrain_shape c_picture_shape;
    ASSERT_DONE(sparsetrain_picture_of_features(&c_shape, &c_picture_shape));
    const Shape said{c_picture_shape.n, c_picture_shape.c, c_picture_shape.h, c_picture_shape.w};
    ASSERT_EQ(said, picture_shape);

    const Tensor images = filled(shape, 1);
    Mask mask(shape), picture_mask(picture_shape), back_mask(shape);
    occupancy_mask(images.view(), mask.view(), workspace);
    Tensor picture(picture_shape), c_picture(picture_shape), back(shape);
    CMask c_mask(mask), c_picture_mask(picture_shape), c_back_mask(shape);
    images_to_picture({images.view(), mask.view()}, picture.view(), picture_mask.view(), workspace);
    ASSERT_DONE(sparsetrain_images_to_picture(&c_shape, images.view().data, c_mask.get(),
                                              c_picture.view().data, c_picture_mask.get(), c_workspace));
    EXPECT_TRUE(same(picture, c_picture));
    EXPECT_TRUE(same(picture_mask, c_picture_mask));

    ASSERT_DONE(sparsetrain_picture_to_images(&c_shape, c_picture.view().data, c_picture_mask.get(),
                                              back.view().data, c_back_mask.get(), c_workspace));
    EXPECT_TRUE(same(images, back));
    EXPECT_EQ(c_back_mask.get()->set_bits, c_mask.get()->set_bits = *picture_mask.view().set_bits);
    ASSERT_DONE(sparsetrain_picture_to_images(&c_shape, picture.view().data, nullptr, back.view().data,
                                              nullptr, c_workspace));
    EXPECT_TRUE(same(images, back));
}

TEST_F(OperatorsTest, SoftmaxCrossEntropyWithMixup) {
    const Shape logits_shape{5, 21, 1, 1};
    const sparsetrain_shape c_logits_shape = to_c(logits_shape);
    const Tensor logits = filled(logits_shape, 1);
    Tensor diff(logits_shape), c_diff(logits_shape);
    const std::vector<std::int32_t> labels{0, 20, 7, 7, 3}, others{1, 2, 3, 4, 5};
    const LossResult expected = softmax_cross_entropy(
        logits.view(), {.labels = labels, .other_labels = others, .weight = 0.7F, .smoothing = 0.1F},
        diff.view(), workspace);
    const sparsetrain_targets targets{labels.data(), others.data(), 0.7F, 0.1F};
    sparsetrain_loss given;
    ASSERT_DONE(sparsetrain_softmax_cross_entropy(&c_logits_shape, logits.view().data, &targets,
                                                  c_diff.view().data, c_workspace, &given));
    EXPECT_EQ(given.loss, expected.loss);
    EXPECT_EQ(given.correct, expected.correct);
    EXPECT_TRUE(same(diff, c_diff));
}

TEST_F(OperatorsTest, SgdByBothRules) {
    constexpr std::size_t kCount = 1000;
    for (const int nesterov : {0, 1}) {
        const AlignedArray<float> gradient = filled(kCount, 1);
        AlignedArray<float> value = filled(kCount, 2), momentum = filled(kCount, 3);
        AlignedArray<float> c_value = filled(kCount, 2), c_momentum = filled(kCount, 3);
        sgd_step({value.data(), kCount}, {gradient.data(), kCount}, {momentum.data(), kCount},
                 {0.1F, 0.8F, 0.01F, nesterov == 1}, workspace);
        const sparsetrain_sgd sgd{0.1F, 0.8F, 0.01F, nesterov};
        ASSERT_DONE(sparsetrain_sgd_step(kCount, &sgd, gradient.data(), c_value.data(), c_momentum.data(),
                                         c_workspace));
        EXPECT_TRUE(same(value, c_value));
        EXPECT_TRUE(same(momentum, c_momentum));
    }
}

}  // namespace
}  // namespace sparsetrain::test
