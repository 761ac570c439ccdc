// Compiled pipelines called directly, with buffers that the public API would never pass: too short for what
// the others ask of them. Each call must fail with an error that names the buffer, in silence, and leave the
// next call alone.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "halide_interface.h"
#include "layer_class.h"
#include "packed_weights_impl.h"
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
    // Calls a pipeline that has to fail, with an error that names the buffer at fault.
    template <typename Pipeline, typename... Arguments>
    void expect_failure(const std::string& buffer, Pipeline pipeline, Arguments... arguments) {
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
        EXPECT_NE(message.find(" " + buffer + " "), std::string::npos) << message;
    }

    // The convolution of which `pass` reads kInBlocks and writes kOutBlocks blocks of channels.
    ConvShape shape_of_pass(Pass pass) const {
        const bool forward = pass == Pass::fwd;
        ConvShape result = shape;
        result.src.c = (forward ? kInBlocks : kOutBlocks) * kLanes;
        result.k = (forward ? kOutBlocks : kInBlocks) * kLanes;
        return result;
    }

    // fwd or bwd_data with `images` in what it reads and kImages in what it writes. `at_fault` is the name of
    // the buffer that is too short, empty if the call has to work. fwd's pipelines with a mask write it
    // behind dst, bwd_data's read it before.
    template <typename Pipeline>
    void run_conv(Pass pass, Pipeline pipeline, int images, halide_buffer_t* weights_buffer,
                  const std::string& at_fault) {
        const ConvShape conv = shape_of_pass(pass);
        const Padding& pad = conv.padding;
        Shape in = pass == Pass::fwd ? conv.src : conv.dst();
        const Shape out = pass == Pass::fwd ? conv.dst() : conv.src;
        in.n = images;
        const TestTensor src = make_tensor(in, Values::integers, {50}, random), dst(out);
        const AlignedArray<float> bias(kOutBlocks * kLanes);
        TensorBuffer src_buffer(src.view()), dst_buffer(dst.view());
        BiasBuffer bias_buffer(bias);
        const TestMask mask(out);
        detail::MaskBuffer mask_buffer(mask.view());
        halide_buffer_t *s = src_buffer, *b = bias_buffer, *d = dst_buffer, *m = mask_buffer;
        const auto call = [&](auto... buffers) {
            if (at_fault.empty()) {
                detail::call_pipeline("a good call", pipeline, workspace, s, weights_buffer, b, pad.top,
                                      pad.left, 1, out.c, buffers...);
            } else {
                expect_failure(at_fault, pipeline, s, weights_buffer, b, pad.top, pad.left, 1, out.c,
                               buffers...);
            }
        };
        if constexpr (std::is_same_v<Pipeline, detail::ConvPipeline>) {
            call(d);
        } else if (pass == Pass::fwd) {
            call(d, m);
        } else {
            call(m, d);
        }
        EXPECT_TRUE(dst.memory.guards_intact() && mask.memory.guards_intact());
    }

    // Short inputs between good calls, which an error must leave alone.
    template <typename Pipeline>
    void check_conv(Pass pass, Pipeline pipeline, halide_buffer_t* weights_buffer,
                    const std::vector<halide_buffer_t*>& short_weights) {
        run_conv(pass, pipeline, kImages, weights_buffer, "");
        run_conv(pass, pipeline, kImages - 1, weights_buffer, "src");
        for (halide_buffer_t* too_short : short_weights)
            run_conv(pass, pipeline, kImages, too_short, "weights");
        run_conv(pass, pipeline, kImages, weights_buffer, "");
    }

    std::vector<Pass> passes() const {
        return layer().info.backward_data ? std::vector{Pass::fwd, Pass::bwd_data} : std::vector{Pass::fwd};
    }

    // Makes `shape` one of those for which there are dense pipelines of their own.
    void use_whole_tiles() {
        const auto& dense = layer().fwd.dense;
        shape.src.w = 2 * dense.tile_width;
        shape.padding.left = dense.whole_pad_left;
        shape.padding.right = shape.filter_w - 1 - dense.whole_pad_left;
    }

    void check_zero_skip(Pass pass, const detail::ScatterKernel& kernel) {
        const auto with_less = [&](int groups, int chunks) {
            std::array<int, 4> extents =
                detail::packed_extents(kernel.row, layer().info, kInBlocks * kLanes, kOutBlocks * kLanes);
            extents[2] -= groups;
            extents[3] -= chunks;
            return std::make_unique<Buffer<4>>(weights.data(), extents);
        };
        const auto good = with_less(0, 0), few_groups = with_less(1, 0), few_chunks = with_less(0, 1);
        check_conv(pass, kernel.plain, *good, {*few_groups, *few_chunks});
        check_conv(pass, kernel.with_mask, *good, {*few_groups, *few_chunks});
    }

    const detail::LayerClass& layer() const { return *GetParam(); }

    ConvShape shape =
        shape_of(layer().info, {kImages, kInBlocks* kLanes, 7, 8, kOutBlocks* kLanes, {1, 1, 1, 1}});
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
    const auto check = [&](auto plain, auto with_mask) {
        for (const Pass pass : passes()) {
            const detail::ConvKernels& kernels = layer().kernels(pass);
            check_conv(pass, kernels.dense.*plain, *good, {*too_short});
            check_conv(pass, kernels.dense_with_mask.*with_mask, *good, {*too_short});
        }
    };
    using Plain = detail::DensePipelines<detail::ConvPipeline>;
    using WithMask = detail::DensePipelines<detail::ConvMaskPipeline>;
    check(&Plain::any, &WithMask::any);
    ASSERT_EQ(layer().fwd.dense.whole != nullptr, shape.stride == 1);
    if (shape.stride != 1) return;
    use_whole_tiles();
    check(&Plain::whole, &WithMask::whole);
}

TEST_P(Pipelines, ZeroSkipRefusesShortBuffers) {
    for (const Pass pass : passes()) {
        EXPECT_EQ(layer().kernels(pass).zero_skip.empty(), !layer().info.skips_zeros);
        for (const detail::ScatterKernel& kernel : layer().kernels(pass).zero_skip)
            check_zero_skip(pass, kernel);
    }
}

TEST_P(Pipelines, OutputMaskRefusesShortBuffers) {
    const detail::OutputMaskKernel& kernel = layer().output_mask;
    ASSERT_EQ(kernel.run != nullptr, layer().info.skips_zeros);
    if (kernel.run == nullptr) return;
    const ConvShape conv = shape_of_pass(Pass::bwd_data);
    const Padding& pad = conv.padding;
    const Shape dst = conv.dst();
    const TestTensor diff_dst = make_tensor(dst, Values::integers, {}, random), diff_src(conv.src);
    const TestMask mask =
        make_mask(make_tensor(conv.src, Values::integers, {50}, random), MaskKind::exact, random);
    TensorBuffer diff_dst_buffer(diff_dst.view()), diff_src_buffer(diff_src.view()),
        short_diff_dst_buffer(TensorView{diff_dst.view().data, {kImages - 1, dst.c, dst.h, dst.w}});
    detail::MaskBuffer mask_buffer(mask.view()),
        short_mask_buffer(MaskView{mask.view().data, {kImages - 1, conv.src.c, conv.src.h, conv.src.w}});
    std::array<int, 3> extents = detail::packed_extents(kernel.row, layer().info, conv.weights());
    Buffer<3> good(weights.data(), extents);
    --extents[1];
    Buffer<3> few_chunks(weights.data(), extents);
    halide_buffer_t *d = diff_dst_buffer, *short_d = short_diff_dst_buffer, *to = diff_src_buffer,
                    *m = mask_buffer, *short_m = short_mask_buffer, *w = good, *short_w = few_chunks;
    const auto run = [&] {
        detail::call_pipeline("a good call", kernel.run, workspace, d, w, m, pad.top, pad.left, 1, to);
    };
    run();
    expect_failure("diff_dst", kernel.run, short_d, w, m, pad.top, pad.left, 1, to);
    expect_failure("weights", kernel.run, d, short_w, m, pad.top, pad.left, 1, to);
    expect_failure("relu_mask", kernel.run, d, w, short_m, pad.top, pad.left, 1, to);
    run();
    EXPECT_TRUE(diff_src.memory.guards_intact() && mask.memory.guards_intact());
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
    // Kernels sum over the images of one of their operands.
    expect_failure("src", layer().bwd_weights_dense, short_s, d, pad.top, pad.left, w);
    detail::call_pipeline("dense", layer().bwd_weights_dense, workspace, s, d, pad.top, pad.left, w);
    for (const Operand operand : kOperands) {
        const auto zero_skip = layer().bwd_weights_zero_skip.for_operand(operand);
        ASSERT_EQ(zero_skip != nullptr, layer().info.skips_zeros);
        if (zero_skip == nullptr) continue;
        expect_failure("diff_dst", zero_skip, s, short_d, pad.top, pad.left, 1, 1, w);
        detail::call_pipeline("zero_skip", zero_skip, workspace, s, d, pad.top, pad.left, 1, 1, w);
    }
    EXPECT_TRUE(result.memory.guards_intact());
}

INSTANTIATE_TEST_SUITE_P(Classes, Pipelines, ::testing::ValuesIn(detail::linked_layer_classes()),
                         [](const auto& class_info) { return std::string(class_info.param->info.name); });

}  // namespace
}  // namespace sparsetrain::test
