#include "halide_interface.h"
#include "sparsetrain_channel_sum_f32.h"
#include "support.h"

namespace sparsetrain::test {
namespace {

void channel_sum(ConstTensorView src, AlignedArray<float>& sum, int threads) {
    Workspace workspace(threads);
    detail::call_pipeline("channel_sum", ::sparsetrain_channel_sum_f32, workspace, detail::TensorBuffer(src),
                          detail::Buffer<2>(sum.data(), {kLanes, channel_blocks(src.shape.c)}));
}

AlignedArray<float> stale_sums(const Shape& shape) {
    AlignedArray<float> sum(static_cast<std::size_t>(channel_blocks(shape.c)) * kLanes);
    for (float& value : sum) value = -77.0F;
    return sum;
}

TEST(ChannelSum, AddsUpEveryPixelOfEveryImage) {
    for (const Shape& shape : tail_shapes()) {
        SCOPED_TRACE(text(shape));
        const Tensor src = small_integers(shape, 1);
        std::vector<double> expected(static_cast<std::size_t>(channel_blocks(shape.c)) * kLanes);
        for_each(shape, [&](int n, int c, int y, int x) {
            expected[static_cast<std::size_t>(c)] += src.values()[at(shape, n, c, y, x)];
        });
        for (const int threads : {1, 2}) {
            AlignedArray<float> sum = stale_sums(shape);
            channel_sum(src.view(), sum, threads);
            for (std::size_t c = 0; c < expected.size(); ++c) ASSERT_EQ(sum[c], expected[c]) << c;
        }
    }
}

TEST(ChannelSum, DoesNotDependOnTheThreadCount) {
    const Shape shape{7, 48, 13, 11};
    Tensor src(shape);
    std::mt19937 engine(5);
    for (float& value : src.values()) value = static_cast<float>(engine()) * 1e-9F - 2.0F;
    AlignedArray<float> one = stale_sums(shape), three = stale_sums(shape);
    channel_sum(src.view(), one, 1);
    channel_sum(src.view(), three, 3);
    for (std::size_t c = 0; c < one.size(); ++c) EXPECT_EQ(one[c], three[c]);
}

}  // namespace
}  // namespace sparsetrain::test
