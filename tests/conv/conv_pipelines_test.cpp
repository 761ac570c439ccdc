// Kernels called directly, with buffers that the public API would never pass: too short for what the others
// ask of them. Each call must fail with an error that names the buffer, in silence, and leave the next call
// alone.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "conv_call.h"
#include "conv_problem.h"
#include "conv_shapes.h"
#include "kernels/dense.h"
#include "layer_class.h"
#include "sparsetrain/error.h"

namespace sparsetrain::test {
namespace {

using detail::ConvKernel;
using detail::Epilogue;
using detail::Skips;

// More than any row's group of channels and vectors of them, so that there is less to give.
constexpr int kImages = 2, kBlocks = 9;

// What of a call is too short.
struct Lacking {
    bool src_image = false, dst_image = false, mask_image = false;
    WeightsShape weights;
};

class Pipelines : public ::testing::TestWithParam<const detail::LayerClass*> {
  protected:
    void run(const ConvKernel& kernel, Epilogue epilogue, const Lacking& lacking) {
        const auto view = [](const TestTensor& tensor, bool is_short) {
            TensorView all = tensor.view();
            if (is_short) --all.shape.n;
            return all;
        };
        const Shape masked = epilogue == Epilogue::relu ? shape.dst() : shape.src;
        const TestTensor src = make_tensor(shape.src, Values::integers, {50}, random),
                         dst = make_tensor(shape.dst(), Values::integers, {50}, random);
        const TestMask mask =
            make_mask(make_tensor(masked, Values::integers, {50}, random), MaskKind::exact, random);
        MaskView mask_view = mask.view();
        if (lacking.mask_image) --mask_view.shape.n;
        const TestWeights weights(lacking.weights), diff_weights(shape.weights());
        const PackedWeights packed(weights.view());
        detail::TensorBuffer src_buffer(view(src, lacking.src_image)),
            dst_buffer(view(dst, lacking.dst_image));
        detail::BiasBuffer bias({}, kBlocks * kLanes, workspace);
        detail::MaskBuffer mask_buffer(mask_view);
        detail::WeightsBuffer diff_weights_buffer(diff_weights.view());
        kernel.run({.function = "the pipeline",
                    .shape = shape,
                    .workspace = workspace,
                    .src = src_buffer,
                    .dst = dst_buffer,
                    .weights = &packed,
                    .bias = &bias,
                    .epilogue = epilogue,
                    .mask = &mask_buffer,
                    .diff_weights = &diff_weights_buffer});
        EXPECT_TRUE(src.memory.guards_intact() && dst.memory.guards_intact() && mask.memory.guards_intact() &&
                    diff_weights.memory.guards_intact());
    }

    // With an error that names the buffer at fault; and that the next call works.
    void expect_failure(const std::string& buffer, const ConvKernel& kernel, Epilogue epilogue,
                        const Lacking& lacking) {
        ::testing::internal::CaptureStdout();
        ::testing::internal::CaptureStderr();
        std::string message;
        try {
            run(kernel, epilogue, lacking);
        } catch (const Error& error) {
            message = error.what();
        }
        EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
        EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
        EXPECT_NE(message.find("the pipeline"), std::string::npos) << message;
        EXPECT_NE(message.find(" " + buffer + " "), std::string::npos) << message;
        run(kernel, epilogue, good());
    }

    Lacking good() const { return {.weights = shape.weights()}; }
    // Without an image in what the pass reads.
    Lacking without_image(Pass pass) const {
        return {.src_image = pass == Pass::fwd, .dst_image = pass != Pass::fwd, .weights = shape.weights()};
    }
    // With weights of one block of the channels that a pass reads, or computes.
    Lacking without_channels(Pass pass, bool read) const {
        Lacking lacking = good();
        ((pass == Pass::fwd) == read ? lacking.weights.c : lacking.weights.k) = kLanes;
        return lacking;
    }

    // The class's kernels of fwd and bwd_data, with every epilogue that they have.
    void for_each_convolution(const std::function<void(const ConvKernel&, Epilogue)>& visit) {
        for (const ConvKernel* kernel : layer().kernels) {
            if (kernel->pass == Pass::bwd_weights) continue;
            SCOPED_TRACE(std::string(to_string(kernel->pass)) + " " + to_string(kernel->name) + " " +
                         kernel->blocking);
            use_channels_for(*kernel);
            if (kernel->skips != Skips::results) visit(*kernel, Epilogue::plain);
            visit(*kernel, kernel->pass == Pass::fwd ? Epilogue::relu : Epilogue::masked);
        }
    }
    const detail::LayerClass& layer() const { return *GetParam(); }

    void use_channels_for(const ConvKernel& kernel) {
        shape.src.c = is_planar(kernel) ? 3 : kBlocks * kLanes;
    }
    static bool is_planar(const ConvKernel& kernel) {
        return kernel.blocking == std::string(schedules::kPlanar);
    }

    // Images that are whole tiles of dense, for which it has pipelines of their own.
    void use_whole_tiles() {
        shape.src.w = 42;
        shape.padding.left = (shape.filter_w - 1) / 2;
        shape.padding.right = shape.filter_w - 1 - shape.padding.left;
    }

    ConvShape shape = shape_of(layer().info, {kImages, kBlocks* kLanes, 7, 8, kBlocks* kLanes, {1, 1, 1, 1}});
    Random random{1};
    Workspace workspace{2};
};

TEST_P(Pipelines, ConvolutionsRefuseShortBuffers) {
    const auto check = [this](const ConvKernel& kernel, Epilogue epilogue) {
        const bool by_mask = kernel.skips == Skips::results, dense = kernel.skips == Skips::nothing;
        run(kernel, epilogue, good());
        expect_failure(by_mask ? "diff_dst" : "src", kernel, epilogue, without_image(kernel.pass));
        // Of planar, it is the weights that say how many channels there are.
        if (!is_planar(kernel))
            expect_failure("weights", kernel, epilogue, without_channels(kernel.pass, true));
        // Of dense, a tile that reaches beyond the last block of channels computes that again.
        if (!dense) expect_failure("weights", kernel, epilogue, without_channels(kernel.pass, false));
        Lacking mask = good();
        mask.mask_image = true;
        if (by_mask) expect_failure("relu_mask", kernel, epilogue, mask);
    };
    for_each_convolution(check);
    if (shape.stride != 1) return;
    use_whole_tiles();
    for_each_convolution(check);
}

TEST_P(Pipelines, BackwardWeightsRefusesShortBuffers) {
    int checked = 0;
    for (const ConvKernel* kernel : layer().kernels) {
        if (kernel->pass != Pass::bwd_weights) continue;
        use_channels_for(*kernel);
        // Kernels sum over the images of one of their operands.
        Lacking lacking = good();
        const bool by_src = kernel->skips == Skips::nothing;
        (by_src ? lacking.src_image : lacking.dst_image) = true;
        run(*kernel, Epilogue::plain, good());
        expect_failure(by_src ? "src" : "diff_dst", *kernel, Epilogue::plain, lacking);
        ++checked;
    }
    const LayerClassInfo& info = layer().info;
    const bool has_planar = info.filter_h * info.filter_w > 1;
    EXPECT_EQ(checked, (has_planar ? 2 : 1) + (info.skips_zeros ? 2 : 0));
}

INSTANTIATE_TEST_SUITE_P(Classes, Pipelines, ::testing::ValuesIn(detail::linked_layer_classes()),
                         [](const auto& class_info) { return std::string(class_info.param->info.name); });

}  // namespace
}  // namespace sparsetrain::test
