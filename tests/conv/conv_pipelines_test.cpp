// Compiled pipelines called directly, with buffers that the public API would never pass: too short for what
// the others ask of them. Each call must fail with an error, in silence, and leave the next call alone.
#include <gtest/gtest.h>

#include <memory>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "halide_interface.h"
#include "layer_class.h"
#include "sparsetrain/error.h"

namespace sparsetrain::test {
namespace {

using detail::Buffer;
using detail::TensorBuffer;

constexpr int kImages = 2, kInBlocks = 3, kOutBlocks = 4;

struct BiasBuffer : Buffer<2> {
    explicit BiasBuffer(const AlignedArray<float>& values)
        : Buffer<2>(values.data(), {kLanes, static_cast<int>(values.size()) / kLanes}) {}
};

class Pipelines : public ::testing::TestWithParam<const detail::LayerClass*> {
  protected:
    // Calls a pipeline that has to fail.
    template <typename Pipeline, typename... Arguments>
    void expect_failure(Pipeline pipeline, Arguments... arguments) {
        ::testing::internal::CaptureStdout();
        ::testing::internal::CaptureStderr();
        std::string message;
        try {
            detail::call_pipeline("the pipeline", pipeline, workspace, arguments...);
        } catch (const Error& error) {
            message = error.what();
        }
        EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
        EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
        EXPECT_NE(message.find("the pipeline"), std::string::npos) << message;
    }

    // fwd or bwd_data with `src_images` in src and kImages in dst.
    void run_conv(detail::ConvPipeline pipeline, int src_images, halide_buffer_t* weights_buffer,
                  bool works) {
        const Padding& pad = shape.padding;
        const TestTensor src =
            make_tensor({src_images, shape.src.c, shape.src.h, shape.src.w}, Values::integers, {50}, random);
        const TestTensor dst(shape.dst());
        const AlignedArray<float> bias(kOutBlocks * kLanes);
        TensorBuffer src_buffer(src.view()), dst_buffer(dst.view());
        BiasBuffer bias_buffer(bias);
        halide_buffer_t *s = src_buffer, *b = bias_buffer, *d = dst_buffer;
        if (works) {
            detail::call_pipeline("a good call", pipeline, workspace, s, weights_buffer, b, pad.top, pad.left,
                                  d);
        } else {
            expect_failure(pipeline, s, weights_buffer, b, pad.top, pad.left, d);
        }
        EXPECT_TRUE(dst.memory.guards_intact());
    }

    // Pipelines that compute `shape`: bwd_data's are convolutions of stride 1 themselves.
    std::vector<std::pair<detail::ConvPipeline, const schedules::ScatterRow*>> pipelines(
        detail::ConvPipeline fwd, detail::ConvPipeline bwd_data) const {
        if (layer().info.stride != 1) return {{fwd, &layer().fwd_row}};
        return {{fwd, &layer().fwd_row}, {bwd_data, &layer().bwd_data_row}};
    }

    const detail::LayerClass& layer() const { return *GetParam(); }

    ConvShape shape =
        shape_of(layer().info, {kImages, kInBlocks* kLanes, 5, 6, kOutBlocks* kLanes, {1, 1, 1, 1}});
    Random random{1};
    Workspace workspace{2};
    AlignedArray<float> weights{1 << 18};
};

TEST_P(Pipelines, DenseRefusesShortBuffers) {
    const auto with_blocks = [this](int in_blocks) {
        const std::array<int, 6> extents = {kLanes,         kLanes,    shape.filter_w,
                                            shape.filter_h, in_blocks, kOutBlocks};
        return std::make_unique<Buffer<6>>(weights.data(), extents);
    };
    const auto good = with_blocks(kInBlocks), too_short = with_blocks(kInBlocks - 1);
    const auto check = [&](detail::ConvPipeline fwd, detail::ConvPipeline bwd_data) {
        for (const auto& [pipeline, row] : pipelines(fwd, bwd_data)) {
            run_conv(pipeline, kImages, *good, true);
            run_conv(pipeline, kImages - 1, *good, false);
            run_conv(pipeline, kImages, *too_short, false);
            run_conv(pipeline, kImages, *good, true);
        }
    };
    check(layer().fwd_dense.wide, layer().bwd_data_dense.wide);
    check(layer().fwd_dense.narrow, layer().bwd_data_dense.narrow);
}

TEST_P(Pipelines, ZeroSkipRefusesShortBuffers) {
    for (const auto& [pipeline, row] : pipelines(layer().fwd_zero_skip, layer().bwd_data_zero_skip)) {
        const int slab = row->group * shape.filter_w * row->k_vectors * kLanes;
        const auto with = [this, slab](int groups, int chunks) {
            const std::array<int, 4> extents = {slab, shape.filter_h, groups, chunks};
            return std::make_unique<Buffer<4>>(weights.data(), extents);
        };
        const int groups = (kInBlocks * kLanes + row->group - 1) / row->group;
        const int chunks = (kOutBlocks + row->k_vectors - 1) / row->k_vectors;
        const auto good = with(groups, chunks), few_groups = with(groups - 1, chunks),
                   few_chunks = with(groups, chunks - 1);
        run_conv(pipeline, kImages, *good, true);
        run_conv(pipeline, kImages - 1, *good, false);
        run_conv(pipeline, kImages, *few_groups, false);
        run_conv(pipeline, kImages, *few_chunks, false);
        run_conv(pipeline, kImages, *good, true);
    }
}

TEST_P(Pipelines, BackwardWeightsRefusesShortBuffers) {
    const Padding& pad = shape.padding;
    const Shape one_src = {1, shape.src.c, shape.src.h, shape.src.w}, dst = shape.dst();
    const TestTensor src = make_tensor(shape.src, Values::integers, {50}, random);
    const TestTensor diff_dst = make_tensor(dst, Values::integers, {50}, random);
    const TestWeights result(shape.weights());
    TensorBuffer src_buffer(src.view()), short_src_buffer(TensorView{src.view().data, one_src});
    TensorBuffer diff_dst_buffer(diff_dst.view());
    TensorBuffer short_diff_dst_buffer(TensorView{diff_dst.view().data, {1, dst.c, dst.h, dst.w}});
    detail::WeightsBuffer to(result.view());
    halide_buffer_t *s = src_buffer, *short_s = short_src_buffer, *d = diff_dst_buffer,
                    *short_d = short_diff_dst_buffer, *w = to;
    // Each kernel sums over the images of one of its operands.
    expect_failure(layer().bwd_weights_dense, short_s, d, pad.top, pad.left, w);
    expect_failure(layer().bwd_weights_zero_skip, s, short_d, pad.top, pad.left, 1, 1, w);
    detail::call_pipeline("dense", layer().bwd_weights_dense, workspace, s, d, pad.top, pad.left, w);
    detail::call_pipeline("zero_skip", layer().bwd_weights_zero_skip, workspace, s, d, pad.top, pad.left, 1,
                          1, w);
    EXPECT_TRUE(result.memory.guards_intact());
}

INSTANTIATE_TEST_SUITE_P(Classes, Pipelines, ::testing::ValuesIn(detail::linked_layer_classes()),
                         [](const auto& class_info) { return std::string(class_info.param->info.name); });

}  // namespace
}  // namespace sparsetrain::test
