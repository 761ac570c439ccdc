// Outputs that overlap another argument of the same call.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "expect_error.h"

namespace sparsetrain::test {
namespace {

constexpr std::size_t kSlot = std::size_t{1} << 17;  // floats: more than any argument of these tests has

// The arguments of all passes in one array, far from each other, so that an output that is moved onto one
// overlaps no other.
class Overlap : public ::testing::TestWithParam<LayerClassInfo> {
  protected:
    // `call` has its `output` where it is told: in the slot of `other`, at its beginning and in the last 64
    // of `other`'s `bytes`.
    static void expect_refusal(const char* output, const char* other, const void* data, std::size_t bytes,
                               const std::function<void(float*)>& call) {
        auto* begin = static_cast<float*>(const_cast<void*>(data));
        for (const std::size_t offset : {std::size_t{0}, (bytes - 1) / kAlignment * kLanes}) {
            expect_error(ErrorCode::invalid_argument, {std::string(output) + ":", other, "overlaps"},
                         [&] { call(begin + offset); });
        }
    }
    static void expect_refusal(const char* output, const char* other, ConstTensorView tensor,
                               const std::function<void(float*)>& call) {
        expect_refusal(output, other, tensor.data, tensor.shape.elements() * sizeof(float), call);
    }
    static void expect_refusal(const char* output, const char* other, ConstMaskView mask,
                               const std::function<void(float*)>& call) {
        expect_refusal(output, other, mask.data, mask.shape.pixels() * sizeof(std::uint16_t), call);
    }
    static void expect_refusal(const char* output, const char* other, ConstWeightsView weights,
                               const std::function<void(float*)>& call) {
        expect_refusal(output, other, weights.data, weights.shape.elements() * sizeof(float), call);
    }

    float* slot(std::size_t i) { return memory_.data() + i * kSlot; }
    static std::uint16_t* words(float* data) { return reinterpret_cast<std::uint16_t*>(data); }

    const ConvShape shape = shape_of(GetParam(), {2, 32, 9, 11, 48, {}});
    const Conv2d plan{shape};
    Workspace workspace;

  private:
    AlignedArray<float> memory_{10 * kSlot};

  protected:
    const TensorView src{slot(0), shape.src}, diff_dst{slot(1), shape.dst()}, dst{slot(2), shape.dst()};
    const MaskView src_mask{words(slot(3)), shape.src}, diff_dst_mask{words(slot(4)), shape.dst()},
        dst_mask{words(slot(5)), shape.dst()};
    const WeightsView weights{slot(6), shape.weights()}, diff_weights{slot(7), shape.weights()};
    const std::span<float> bias{slot(8), static_cast<std::size_t>(shape.k)};
    const PackedWeights packed{weights};
};

TEST_P(Overlap, OfForwardIsRefused) {
    const auto dst_at = [&](float* to) {
        plan.forward({src, src_mask}, packed, bias, {to, dst.shape}, workspace);
    };
    expect_refusal("dst", "src", src, dst_at);
    expect_refusal("dst", "src mask", src_mask, dst_at);
    expect_refusal("dst", "weights", weights, dst_at);
    expect_refusal("dst", "bias", bias.data(), bias.size_bytes(), dst_at);
}

TEST_P(Overlap, OfForwardReluIsRefused) {
    const auto dst_at = [&](float* to) {
        plan.forward_relu({src, src_mask}, packed, bias, {to, dst.shape}, dst_mask, workspace);
    };
    const auto mask_at = [&](float* to) {
        plan.forward_relu({src, src_mask}, packed, bias, dst, {words(to), dst.shape}, workspace);
    };
    expect_refusal("dst", "src", src, dst_at);
    expect_refusal("dst_mask", "dst", dst_mask, dst_at);
    expect_refusal("dst_mask", "dst", dst, mask_at);
    expect_refusal("dst_mask", "src", src, mask_at);
    expect_refusal("dst_mask", "src mask", src_mask, mask_at);
    expect_refusal("dst_mask", "weights", weights, mask_at);
    expect_refusal("dst_mask", "bias", bias.data(), bias.size_bytes(), mask_at);
}

TEST_P(Overlap, OfBackwardWeightsIsRefused) {
    const auto weights_at = [&](float* to) {
        plan.backward_weights({src, src_mask}, {diff_dst, diff_dst_mask}, {to, weights.shape}, bias,
                              workspace);
    };
    const auto bias_at = [&](float* to) {
        plan.backward_weights({src, src_mask}, {diff_dst, diff_dst_mask}, diff_weights, {to, bias.size()},
                              workspace);
    };
    for (const auto& [output, call] :
         std::initializer_list<std::pair<const char*, std::function<void(float*)>>>{
             {"diff_weights", weights_at}, {"diff_bias", bias_at}}) {
        expect_refusal(output, "src", src, call);
        expect_refusal(output, "src mask", src_mask, call);
        expect_refusal(output, "diff_dst", diff_dst, call);
        expect_refusal(output, "diff_dst mask", diff_dst_mask, call);
    }
    expect_refusal("diff_bias", "diff_weights", diff_weights, bias_at);
}

class OverlapOfBackwardData : public Overlap {};

TEST_P(OverlapOfBackwardData, IsRefused) {
    const auto diff_src_at = [&](float* to) {
        plan.backward_data({diff_dst, diff_dst_mask}, packed, {to, shape.src}, workspace, src_mask);
    };
    expect_refusal("diff_src", "diff_dst", diff_dst, diff_src_at);
    expect_refusal("diff_src", "diff_dst mask", diff_dst_mask, diff_src_at);
    expect_refusal("diff_src", "weights", weights, diff_src_at);
    expect_refusal("diff_src", "relu_mask", src_mask, diff_src_at);
}

// Arguments that touch each other do not overlap.
TEST_P(Overlap, NeighboursHaveNone) {
    std::fill_n(src.data, shape.src.elements(), 1.0f);
    std::fill_n(weights.data, weights.shape.elements(), 1.0f);
    const TensorView neighbour{src.data + shape.src.elements(), dst.shape};
    plan.forward(src, packed, {}, neighbour, workspace);
    plan.forward(src, packed, {}, dst, workspace);
    EXPECT_NE(dst.data[0], 0);
    EXPECT_TRUE(same_bits({dst.data, dst.shape.elements()}, {neighbour.data, dst.shape.elements()}));
}

std::string name(const ::testing::TestParamInfo<LayerClassInfo>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Classes, Overlap, ::testing::ValuesIn(layer_classes()), name);
INSTANTIATE_TEST_SUITE_P(Classes, OverlapOfBackwardData,
                         ::testing::ValuesIn(classes_with(&LayerClassInfo::backward_data)), name);

}  // namespace
}  // namespace sparsetrain::test
