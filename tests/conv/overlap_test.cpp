// Outputs that overlap another argument of the same call.
#include <gtest/gtest.h>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "expect_error.h"

namespace sparsetrain::test {
namespace {

class Overlap : public ::testing::TestWithParam<LayerClassInfo> {
  protected:
    // Expects a call whose `output` lies where `other` does to be refused, with both names; `call` is given
    // where to put the output: at the same place, and where it begins in the other's last 64 bytes.
    template <typename T, typename Call>
    static void expect_refusal(const char* output, const char* other, T* data, std::size_t bytes, Call call) {
        auto* begin = reinterpret_cast<char*>(const_cast<std::remove_const_t<T>*>(data));
        for (const std::size_t offset : {std::size_t{0}, (bytes - 1) / kAlignment * kAlignment}) {
            expect_error(ErrorCode::invalid_argument, {output, other, "overlaps"},
                         [&] { call(static_cast<void*>(begin + offset)); });
        }
    }
    template <typename Call>
    static void expect_refusal(const char* output, const char* other, const TestTensor& tensor, Call call) {
        expect_refusal(output, other, tensor.memory.data(), tensor.memory.size() * sizeof(float), call);
    }
    template <typename Call>
    static void expect_refusal(const char* output, const char* other, const TestMask& mask, Call call) {
        expect_refusal(output, other, mask.memory.data(), mask.memory.size() * sizeof(std::uint16_t), call);
    }
    template <typename Call>
    static void expect_refusal(const char* output, const char* other, const TestWeights& weights, Call call) {
        expect_refusal(output, other, weights.memory.data(), weights.memory.size() * sizeof(float), call);
    }

    ConvProblem problem{shape_of(GetParam(), {2, 32, 9, 11, 48, {}}), Values::integers, {50}, 1};
    Conv2d plan{problem.shape};
    PackedWeights packed{problem.weights.view()};
    Workspace workspace;
    TestMask src_mask = make_mask(problem.src, MaskKind::exact, problem.random);
    TestMask diff_dst_mask = make_mask(problem.diff_dst, MaskKind::exact, problem.random);
    TestTensor dst{problem.shape.dst()};
    TestMask dst_mask{problem.shape.dst()};
    const SparseInput src{problem.src.view(), src_mask.view()};
    const SparseInput diff_dst{problem.diff_dst.view(), diff_dst_mask.view()};
};

TEST_P(Overlap, OfForwardIsRefused) {
    AlignedArray<float> bias(static_cast<std::size_t>(problem.shape.k));
    const auto forward = [&](void* to) {
        plan.forward(src, packed, {bias.data(), bias.size()}, {static_cast<float*>(to), dst.shape},
                     workspace);
    };
    expect_refusal("dst", "src", problem.src, forward);
    expect_refusal("dst", "src mask", src_mask, forward);
    expect_refusal("dst", "weights", problem.weights, forward);
    expect_refusal("dst", "bias", bias.data(), bias.size() * sizeof(float), forward);
    EXPECT_TRUE(problem.inputs_unchanged());
}

TEST_P(Overlap, OfForwardReluIsRefused) {
    const auto dst_at = [&](void* to) {
        plan.forward_relu(src, packed, {}, {static_cast<float*>(to), dst.shape}, dst_mask.view(), workspace);
    };
    const auto mask_at = [&](void* to) {
        plan.forward_relu(src, packed, {}, dst.view(), {static_cast<std::uint16_t*>(to), dst.shape},
                          workspace);
    };
    expect_refusal("dst", "src", problem.src, dst_at);
    expect_refusal("dst_mask", "dst", dst_mask, dst_at);
    expect_refusal("dst_mask", "dst", dst, mask_at);
    expect_refusal("dst_mask", "src", problem.src, mask_at);
    expect_refusal("dst_mask", "src mask", src_mask, mask_at);
    expect_refusal("dst_mask", "weights", problem.weights, mask_at);
    EXPECT_TRUE(problem.inputs_unchanged());
}

TEST_P(Overlap, OfBackwardWeightsIsRefused) {
    const WeightsShape shape = problem.shape.weights();
    const TestWeights result(shape);
    const auto weights_at = [&](void* to) {
        plan.backward_weights(src, diff_dst, {static_cast<float*>(to), shape}, {}, workspace);
    };
    const auto bias_at = [&](void* to) {
        plan.backward_weights(src, diff_dst, result.view(),
                              {static_cast<float*>(to), static_cast<std::size_t>(shape.k)}, workspace);
    };
    for (const auto& [name, call] : std::initializer_list<std::pair<const char*, std::function<void(void*)>>>{
             {"diff_weights", weights_at}, {"diff_bias", bias_at}}) {
        expect_refusal(name, "src", problem.src, call);
        expect_refusal(name, "src mask", src_mask, call);
        expect_refusal(name, "diff_dst", problem.diff_dst, call);
        expect_refusal(name, "diff_dst mask", diff_dst_mask, call);
    }
    expect_refusal("diff_bias", "diff_weights", result, bias_at);
    EXPECT_TRUE(problem.inputs_unchanged());
}

class OverlapOfBackwardData : public Overlap {};

TEST_P(OverlapOfBackwardData, IsRefused) {
    const auto run = [&](void* to) {
        plan.backward_data(diff_dst, packed, {static_cast<float*>(to), problem.shape.src}, workspace,
                           src_mask.view());
    };
    expect_refusal("diff_src", "diff_dst", problem.diff_dst, run);
    expect_refusal("diff_src", "diff_dst mask", diff_dst_mask, run);
    expect_refusal("diff_src", "weights", problem.weights, run);
    expect_refusal("diff_src", "relu_mask", src_mask, run);
    EXPECT_TRUE(problem.inputs_unchanged());
}

// Arguments that touch each other do not overlap, and inputs may be the same.
TEST_P(Overlap, NeighboursAreNone) {
    const std::size_t elements = problem.shape.src.elements();
    AlignedArray<float> both(elements + dst.shape.elements());
    std::copy_n(problem.src.memory.data(), elements, both.data());
    const ConstTensorView in{both.data(), problem.shape.src};
    plan.forward(in, packed, {}, {both.data() + elements, dst.shape}, workspace);
    TestTensor expected(dst.shape);
    plan.forward(problem.src.view(), packed, {}, expected.view(), workspace);
    EXPECT_TRUE(same_bits(expected.memory.values(), {both.data() + elements, dst.shape.elements()}));
}

std::string name(const ::testing::TestParamInfo<LayerClassInfo>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Classes, Overlap, ::testing::ValuesIn(layer_classes()), name);
INSTANTIATE_TEST_SUITE_P(Classes, OverlapOfBackwardData,
                         ::testing::ValuesIn(classes_with(&LayerClassInfo::backward_data)), name);

}  // namespace
}  // namespace sparsetrain::test
