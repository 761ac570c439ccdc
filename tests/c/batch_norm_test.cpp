// Batch normalisation by the C interface, beside the same calls of the C++ API.
#include "sparsetrain/batch_norm.h"

#include "c_support.h"
#include "sparsetrain/relu.h"

namespace sparsetrain::test {
namespace {

class BatchNormTest : public CTest {
  protected:
    std::span<float> of(AlignedArray<float>& values) const {
        return {values.data(), static_cast<std::size_t>(shape.c)};
    }
    std::span<const float> of(const AlignedArray<float>& values) const {
        return {values.data(), static_cast<std::size_t>(shape.c)};
    }

    const std::size_t channels = static_cast<std::size_t>(shape.c);
    const Tensor src = filled(shape, 1), addend = filled(shape, 2), diff_dst = filled(shape, 3);
    const AlignedArray<float> mean = filled(channels, 4), variance = filled(channels, 5),
                              scale = filled(channels, 6), shift = filled(channels, 7);
    const BatchNorm norm{of(mean), of(variance), of(scale), of(shift), 1e-3F};
    const sparsetrain_normalisation c_norm{mean.data(),  variance.data(), scale.data(),
                                           shift.data(), 1e-3F,           SPARSETRAIN_STATISTICS_OF_SRC};

    Tensor dst{shape}, c_dst{shape}, diff_src{shape}, c_diff_src{shape}, diff_addend{shape},
        c_diff_addend{shape};
    Mask mask{shape};
    CMask c_mask{shape};
    AlignedArray<float> diff_scale{channels}, c_diff_scale{channels}, diff_shift{channels},
        c_diff_shift{channels};
    const BatchNormGradients gradients{of(diff_scale), of(diff_shift)};

    void expect_same_forward(bool has_mask) {
        EXPECT_TRUE(same(dst, c_dst));
        if (has_mask) {
            EXPECT_TRUE(same(mask, c_mask));
        }
    }
    void expect_same_backward() const {
        EXPECT_TRUE(same(diff_src, c_diff_src));
        EXPECT_TRUE(same(diff_addend, c_diff_addend));
        EXPECT_TRUE(same(diff_scale, c_diff_scale));
        EXPECT_TRUE(same(diff_shift, c_diff_shift));
    }
};

TEST_F(BatchNormTest, Statistics) {
    AlignedArray<float> m(channels), v(channels), c_m(channels), c_v(channels);
    batch_statistics(src.view(), of(m), of(v), workspace);
    ASSERT_DONE(sparsetrain_batch_statistics(&c_shape, src.view().data, c_m.data(), c_v.data(), c_workspace));
    EXPECT_TRUE(same(m, c_m));
    EXPECT_TRUE(same(v, c_v));

    constexpr std::int64_t kCount = 105;
    update_running_statistics(of(mean), of(variance), kCount, 0.3F, of(m), of(v));
    ASSERT_DONE(sparsetrain_update_running_statistics(shape.c, mean.data(), variance.data(), kCount, 0.3F,
                                                      c_m.data(), c_v.data()));
    EXPECT_TRUE(same(m, c_m));
    EXPECT_TRUE(same(v, c_v));
}

TEST_F(BatchNormTest, Alone) {
    batch_norm(src.view(), norm, dst.view(), workspace);
    ASSERT_DONE(sparsetrain_batch_norm(&c_shape, src.view().data, &c_norm, c_dst.view().data, c_workspace));
    expect_same_forward(false);
    batch_norm_backward(src.view(), norm, diff_dst.view(), diff_src.view(), gradients, workspace);
    ASSERT_DONE(sparsetrain_batch_norm_backward(&c_shape, src.view().data, &c_norm, diff_dst.view().data,
                                                c_diff_src.view().data, c_diff_scale.data(),
                                                c_diff_shift.data(), c_workspace));
    expect_same_backward();
}

TEST_F(BatchNormTest, OfConstants) {
    BatchNorm constant = norm;
    constant.statistics = BatchNorm::Statistics::constant;
    sparsetrain_normalisation c_constant = c_norm;
    c_constant.statistics = SPARSETRAIN_STATISTICS_CONSTANT;
    batch_norm_backward(src.view(), constant, diff_dst.view(), diff_src.view(), gradients, workspace);
    ASSERT_DONE(sparsetrain_batch_norm_backward(&c_shape, src.view().data, &c_constant, diff_dst.view().data,
                                                c_diff_src.view().data, c_diff_scale.data(),
                                                c_diff_shift.data(), c_workspace));
    expect_same_backward();
    batch_norm_backward(src.view(), norm, diff_dst.view(), diff_src.view(), gradients, workspace);
    EXPECT_FALSE(same(diff_src, c_diff_src)) << "they are not those of src";
}

TEST_F(BatchNormTest, WithRelu) {
    batch_norm_relu(src.view(), norm, dst.view(), mask.view(), workspace);
    ASSERT_DONE(sparsetrain_batch_norm_relu(&c_shape, src.view().data, &c_norm, c_dst.view().data,
                                            c_mask.get(), c_workspace));
    expect_same_forward(true);
    batch_norm_relu_backward(src.view(), norm, diff_dst.view(), mask.view(), diff_src.view(), gradients,
                             workspace);
    ASSERT_DONE(sparsetrain_batch_norm_relu_backward(&c_shape, src.view().data, &c_norm, diff_dst.view().data,
                                                     c_mask.get(), c_diff_src.view().data,
                                                     c_diff_scale.data(), c_diff_shift.data(), c_workspace));
    expect_same_backward();
}

// The header's promise to callers who do not know whether a gradient was masked.
TEST_F(BatchNormTest, WithReluOfAGradientThatHasItsBackwardApplied) {
    batch_norm_relu(src.view(), norm, dst.view(), mask.view(), workspace);
    CMask read(mask);
    Tensor masked(shape);
    relu_backward(diff_dst.view(), mask.view(), masked.view(), workspace);
    batch_norm_relu_backward(src.view(), norm, diff_dst.view(), mask.view(), diff_src.view(), gradients,
                             workspace);
    ASSERT_DONE(sparsetrain_batch_norm_relu_backward(&c_shape, src.view().data, &c_norm, masked.view().data,
                                                     read.get(), c_diff_src.view().data, c_diff_scale.data(),
                                                     c_diff_shift.data(), c_workspace));
    expect_same_backward();
}

TEST_F(BatchNormTest, WithASumAndRelu) {
    batch_norm_add_relu(src.view(), norm, addend.view(), dst.view(), mask.view(), workspace);
    ASSERT_DONE(sparsetrain_batch_norm_add_relu(&c_shape, src.view().data, &c_norm, addend.view().data,
                                                c_dst.view().data, c_mask.get(), c_workspace));
    expect_same_forward(true);
    batch_norm_add_relu_backward(src.view(), norm, diff_dst.view(), mask.view(), diff_src.view(),
                                 diff_addend.view(), gradients, workspace);
    ASSERT_DONE(sparsetrain_batch_norm_add_relu_backward(
        &c_shape, src.view().data, &c_norm, diff_dst.view().data, c_mask.get(), c_diff_src.view().data,
        c_diff_addend.view().data, c_diff_scale.data(), c_diff_shift.data(), c_workspace));
    expect_same_backward();
}

}  // namespace
}  // namespace sparsetrain::test
