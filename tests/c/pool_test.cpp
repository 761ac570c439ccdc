// Pools by the C interface, beside the same calls of the C++ API.
#include "sparsetrain/pool.h"

#include "c_support.h"
#include "sparsetrain/relu.h"

namespace sparsetrain::test {
namespace {

class PoolTest : public CTest {
  protected:
    const PoolWindow window{3, 2, 2, 1, {1, 0, 2, 1}};
    const sparsetrain_pool_window c_window{3, 2, 2, 1, 1, 0, 2, 1};
    const Shape dst_shape = window.dst(shape);
    const Tensor src = filled(shape, 1), diff_dst = filled(dst_shape, 2);
    Tensor dst{dst_shape}, c_dst{dst_shape}, diff_src{shape}, c_diff_src{shape};

    Mask relu_mask() {
        Mask mask(shape);
        occupancy_mask(src.view(), mask.view(), workspace);
        return mask;
    }
};

TEST_F(PoolTest, ShapeOfDst) {
    sparsetrain_shape found;
    ASSERT_DONE(sparsetrain_pool_dst(&c_shape, &c_window, &found));
    const Shape said{found.n, found.c, found.h, found.w};
    EXPECT_EQ(said, dst_shape);
}

TEST_F(PoolTest, Max) {
    Mask mask(dst_shape), diff_src_mask(shape);
    CMask c_mask(dst_shape), c_diff_src_mask(shape), c_relu_mask(relu_mask());
    AlignedArray<std::uint8_t> choice(dst_shape.elements()), c_choice(dst_shape.elements());
    const std::span<std::uint8_t> choices(choice.data(), choice.size());
    max_pool_forward(src.view(), window, dst.view(), mask.view(), choices, workspace);
    ASSERT_DONE(sparsetrain_max_pool_forward(&c_shape, &c_window, src.view().data, c_dst.view().data,
                                             c_mask.get(), c_choice.data(), c_workspace));
    EXPECT_TRUE(same(dst, c_dst));
    EXPECT_TRUE(same(mask, c_mask));
    EXPECT_TRUE(same(choice, c_choice));

    const Mask rectified = relu_mask();
    max_pool_backward(diff_dst.view(), choices, window, rectified.view(), diff_src.view(),
                      diff_src_mask.view(), workspace);
    ASSERT_DONE(sparsetrain_max_pool_backward(&c_shape, &c_window, diff_dst.view().data, c_choice.data(),
                                              c_relu_mask.get(), c_diff_src.view().data,
                                              c_diff_src_mask.get(), c_workspace));
    EXPECT_TRUE(same(diff_src, c_diff_src));
    EXPECT_TRUE(same(diff_src_mask, c_diff_src_mask));
    ASSERT_DONE(sparsetrain_max_pool_backward(&c_shape, &c_window, diff_dst.view().data, c_choice.data(),
                                              nullptr, c_diff_src.view().data, c_diff_src_mask.get(),
                                              c_workspace));
    max_pool_backward(diff_dst.view(), choices, window, {}, diff_src.view(), diff_src_mask.view(), workspace);
    EXPECT_TRUE(same(diff_src, c_diff_src));
}

TEST_F(PoolTest, AverageOfWhatIsInsideAndOfAll) {
    for (const auto& [averaged, c_averaged] : {std::pair{Averaged::inside, SPARSETRAIN_AVERAGED_INSIDE},
                                               std::pair{Averaged::all, SPARSETRAIN_AVERAGED_ALL}}) {
        average_pool_forward(src.view(), window, averaged, dst.view(), workspace);
        ASSERT_DONE(sparsetrain_average_pool_forward(&c_shape, &c_window, c_averaged, src.view().data,
                                                     c_dst.view().data, c_workspace));
        EXPECT_TRUE(same(dst, c_dst));
        average_pool_backward(diff_dst.view(), window, averaged, diff_src.view(), workspace);
        ASSERT_DONE(sparsetrain_average_pool_backward(&c_shape, &c_window, c_averaged, diff_dst.view().data,
                                                      c_diff_src.view().data, c_workspace));
        EXPECT_TRUE(same(diff_src, c_diff_src));
    }
}

TEST_F(PoolTest, AdaptiveAverage) {
    const Shape pieces{shape.n, shape.c, 2, 3};
    const sparsetrain_shape c_pieces = to_c(pieces);
    const Tensor diff = filled(pieces, 3);
    Tensor mean(pieces), c_mean(pieces);
    adaptive_average_pool_forward(src.view(), mean.view(), workspace);
    ASSERT_DONE(sparsetrain_adaptive_average_pool_forward(&c_shape, &c_pieces, src.view().data,
                                                          c_mean.view().data, c_workspace));
    EXPECT_TRUE(same(mean, c_mean));
    adaptive_average_pool_backward(diff.view(), diff_src.view(), workspace);
    ASSERT_DONE(sparsetrain_adaptive_average_pool_backward(&c_shape, &c_pieces, diff.view().data,
                                                           c_diff_src.view().data, c_workspace));
    EXPECT_TRUE(same(diff_src, c_diff_src));
}

TEST_F(PoolTest, GlobalAverage) {
    const Shape pixel{shape.n, shape.c, 1, 1};
    const Tensor diff = filled(pixel, 3);
    Tensor mean(pixel), c_mean(pixel);
    global_average_pool_forward(src.view(), mean.view(), workspace);
    ASSERT_DONE(
        sparsetrain_global_average_pool_forward(&c_shape, src.view().data, c_mean.view().data, c_workspace));
    EXPECT_TRUE(same(mean, c_mean));
    const Mask mask = relu_mask();
    CMask c_mask(mask);
    global_average_pool_backward(diff.view(), mask.view(), diff_src.view(), workspace);
    ASSERT_DONE(sparsetrain_global_average_pool_backward(&c_shape, diff.view().data, c_mask.get(),
                                                         c_diff_src.view().data, c_workspace));
    EXPECT_TRUE(same(diff_src, c_diff_src));
    global_average_pool_backward(diff.view(), {}, diff_src.view(), workspace);
    EXPECT_FALSE(same(diff_src, c_diff_src)) << "the mask has no effect";
    ASSERT_DONE(sparsetrain_global_average_pool_backward(&c_shape, diff.view().data, nullptr,
                                                         c_diff_src.view().data, c_workspace));
    EXPECT_TRUE(same(diff_src, c_diff_src));
}

}  // namespace
}  // namespace sparsetrain::test
