// Requests that must be refused: with which code, naming what was given and what was expected, and in
// silence.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "expect_error.h"

namespace sparsetrain::test {
namespace {

constexpr auto kInvalid = ErrorCode::invalid_argument;
constexpr auto kUnsupported = ErrorCode::unsupported;

template <typename T>
T* misaligned(T* data) {
    return data + 1;
}

TEST(ErrorsOfPlans, SizesThatMakeNoConvolution) {
    for (const LayerClassInfo& layer : layer_classes()) {
        const ConvShape good = shape_of(layer, {2, 17, 9, 11, 40, {}});
        const auto refused = [](const ConvShape& shape, std::initializer_list<std::string> parts) {
            expect_error(kInvalid, parts, [&] { Conv2d plan(shape); });
        };
        const auto with = [&good](auto change) {
            ConvShape shape = good;
            change(shape);
            return shape;
        };
        const std::string src = "Conv2d: src: expected sizes of at least 1, given ";
        refused(with([](ConvShape& s) { s.src.n = 0; }), {src + "N0 C17 H9 W11"});
        refused(with([](ConvShape& s) { s.src.c = -17; }), {src + "N2 C-17 H9 W11"});
        refused(with([](ConvShape& s) { s.src.h = 0; }), {src + "N2 C17 H0 W11"});
        refused(with([](ConvShape& s) { s.src.w = -3; }), {src + "N2 C17 H9 W-3"});
        refused(with([](ConvShape& s) { s.k = 0; }), {"Conv2d: k: expected at least 1, given 0"});
        if (layer.filter_h < 3) continue;
        const std::string filter =
            " of src: expected at least the filter's " + std::to_string(layer.filter_h);
        refused(with([](ConvShape& s) { s.src.h = 2; }), {"height" + filter + " with padding, given 2"});
        refused(with([](ConvShape& s) {
                    s.src = {1, 16, 1, 16}, s.padding.bottom = 1;
                }),
                {"height" + filter + " with padding, given 2"});
        refused(with([](ConvShape& s) { s.src.w = 1; }), {"width" + filter + " with padding, given 1"});
    }
}

TEST(ErrorsOfPlans, PaddingBeyondTheFilter) {
    struct Side {
        const char* name;
        int Padding::*padding;
        int LayerClassInfo::*filter;
    };
    constexpr Side kSides[] = {{"padding.top", &Padding::top, &LayerClassInfo::filter_h},
                               {"padding.left", &Padding::left, &LayerClassInfo::filter_w},
                               {"padding.bottom", &Padding::bottom, &LayerClassInfo::filter_h},
                               {"padding.right", &Padding::right, &LayerClassInfo::filter_w}};
    for (const LayerClassInfo& layer : layer_classes()) {
        ConvShape shape = shape_of(layer, {2, 17, 9, 11, 40, {}});
        for (const Side& side : kSides) {
            const int most = layer.*side.filter - 1;
            for (const int wrong : {-1, most + 1, 1 << 30}) {
                shape.padding.*side.padding = wrong;
                expect_error(kInvalid,
                             {side.name, "from 0 to " + std::to_string(most), std::to_string(wrong)},
                             [&] { Conv2d plan(shape); });
            }
            shape.padding.*side.padding = most;  // from now on
            EXPECT_EQ(Conv2d(shape).shape().padding, shape.padding);
        }
    }
}

// Not even with the values that some software has for none.
TEST(ErrorsOfPlans, DilationAndGroups) {
    for (const LayerClassInfo& layer : layer_classes()) {
        const ConvShape good = shape_of(layer, {2, 32, 15, 17, 64, {}});
        EXPECT_EQ(good.dilation, 1);
        EXPECT_EQ(good.groups, 1);
        for (const int wrong : {2, 32, 0, -1}) {
            ConvShape dilated = good, grouped = good;
            dilated.dilation = grouped.groups = wrong;
            const std::string given = "given " + std::to_string(wrong);
            expect_error(kUnsupported, {"dilation", "expected 1", given}, [&] { Conv2d plan(dilated); });
            expect_error(kUnsupported, {"groups", "expected 1", given}, [&] { Conv2d plan(grouped); });
        }
    }
}

// Sizes whose tensors have more elements than pipelines can index.
TEST(ErrorsOfPlans, SizesBeyondIndexing) {
    for (const LayerClassInfo& layer : layer_classes()) {
        for (const Extents& extents :
             {Extents{1 << 30, 16, 9, 11, 40, {}}, Extents{1, 2000000000, 9, 11, 40, {}},
              Extents{2, 17, 1 << 30, 1 << 30, 40, {}}, Extents{1, 16, 9, 11, 2147483647, {}}}) {
            expect_error(kInvalid, {"2^31"}, [&] { Conv2d plan(shape_of(layer, extents)); });
        }
    }
}

TEST(ErrorsOfPlans, WidthsBeyondIndexing) {
    for (const LayerClassInfo& layer : layer_classes()) {
        expect_error(kUnsupported, {"width of src", "16777216", "16777217"}, [&] {
            Conv2d plan(shape_of(layer, {1, 16, layer.filter_h, 16777217, 16, {}}));
        });
    }
}

TEST(ErrorsOfPlans, LayerClassesThatAreNotLinked) {
    // Sums of the last one's sizes with its padding would not fit an int.
    constexpr int kHuge = 2147483647;
    const std::pair<const char*, ConvShape> missing[] = {
        {"conv2x2_stride1", {{1, 16, 8, 8}, 16, 2, 2, 1, {}}},
        {"conv3x3_stride3", {{1, 16, 8, 8}, 16, 3, 3, 3, {}}},
        {"conv3x2_stride1", {{1, 16, 8, 8}, 16, 3, 2, 1, {}}},
        {"2147483647", {{1, 16, 8, 8}, 16, kHuge, kHuge, 1, {kHuge - 1, kHuge - 1, kHuge - 1, kHuge - 1}}},
    };
    for (const auto& [name, shape] : missing)
        for (const LayerClassInfo& linked : layer_classes())
            expect_error(kUnsupported, {name, linked.name, "sparsetrain_add_layer_class"},
                         [&shape = shape] { Conv2d plan(shape); });
}

TEST(ErrorsOfPlans, FiltersAndStridesBelowOne) {
    const auto refused = [](const std::string& size, const ConvShape& shape) {
        expect_error(kInvalid, {"Conv2d: " + size}, [&] { Conv2d plan(shape); });
    };
    refused("filter_h: expected at least 1, given 0", {{1, 16, 8, 8}, 16, 0, 3, 1, {}});
    refused("filter_w: expected at least 1, given -3", {{1, 16, 8, 8}, 16, 3, -3, 1, {}});
    refused("stride: expected at least 1, given 0", {{1, 16, 8, 8}, 16, 3, 3, 0, {}});
}

TEST(ErrorsOfPlans, APolicyThatIsNone) {
    const ConvShape shape = shape_of(layer_classes().front(), {2, 17, 9, 11, 40, {}});
    for (const int value : {99, -1, static_cast<int>(policies().size())}) {
        expect_error(kInvalid,
                     {"Conv2d", "policy", "zero_skip", "given policy value " + std::to_string(value)},
                     [&] { Conv2d plan(shape, static_cast<Policy>(value)); });
    }
}

TEST(ErrorsOfPlans, AChoiceThatIsNone) {
    const ConvShape shape = shape_of(layer_classes().front(), {2, 17, 9, 11, 40, {}});
    for (const int value : {99, -1, 2}) {
        expect_error(kInvalid, {"Conv2d", "choice", "tables", "given choice value " + std::to_string(value)},
                     [&] { Conv2d plan(shape, Policy::automatic, static_cast<Choice>(value)); });
    }
}

TEST(ErrorsOfWords, NameTheWordAndTheChoices) {
    expect_error(kInvalid, {"best", "measured", "tables"}, [] { choice_from_string("best"); });
    expect_error(kInvalid, {"measured", "tables", "null"}, [] { choice_from_string(nullptr); });
    for (const Choice choice : choices()) EXPECT_EQ(choice_from_string(to_string(choice)), choice);
}

TEST(ErrorsOfWords, NameTheWordAndThePolicies) {
    expect_error(kInvalid, {"fast", "auto", "dense", "zero_skip"}, [] { policy_from_string("fast"); });
    expect_error(kInvalid, {"auto", "dense", "zero_skip"}, [] { policy_from_string(""); });
    expect_error(kInvalid, {"auto", "dense", "zero_skip", "null"}, [] { policy_from_string(nullptr); });
    for (const Policy policy : all_policies()) EXPECT_EQ(policy_from_string(to_string(policy)), policy);
}

TEST(ErrorsOfWorkspaces, ThreadCountsOutOfRange) {
    expect_error(kInvalid, {"Workspace", "256", "257"}, [] { Workspace workspace(257); });
    const std::string expected = "Workspace: threads: expected a count from 1 to 256, given ";
    expect_error(kInvalid, {expected + "0"}, [] { Workspace workspace(0); });
    expect_error(kInvalid, {expected + "-2"}, [] { Workspace workspace(-2); });
}

TEST(ErrorsOfPackedWeights, NullMisalignedOrEmpty) {
    const TestWeights weights({16, 16, 3, 3});
    expect_error(kInvalid, {"null"}, [] { PackedWeights packed({nullptr, {16, 16, 3, 3}}); });
    expect_error(kInvalid, {"64"}, [&] {
        PackedWeights packed({misaligned(weights.view().data), weights.shape});
    });
    const std::string sizes = "master: expected sizes of at least 1, given ";
    expect_error(kInvalid, {sizes + "K0 C16 R3 S3"}, [&] {
        PackedWeights packed({weights.view().data, {0, 16, 3, 3}});
    });
    expect_error(kInvalid, {sizes + "K16 C16 R3 S-1"}, [&] {
        PackedWeights packed({weights.view().data, {16, 16, 3, -1}});
    });
}

// Each test changes one argument of an otherwise good call.
class ErrorsOfPasses : public ::testing::TestWithParam<LayerClassInfo> {
  protected:
    ErrorsOfPasses()
        : problem(shape_of(GetParam(), {2, 17, 9, 11, 40, {0, 0, 0, 0}}), Values::integers, {50}, 1),
          plan(problem.shape),
          packed(problem.weights.view()),
          src_mask(make_mask(problem.src, MaskKind::exact, problem.random)),
          diff_dst_mask(make_mask(problem.diff_dst, MaskKind::exact, problem.random)),
          dst(problem.shape.dst()),
          diff_src(problem.shape.src),
          dst_mask(problem.shape.dst()),
          diff_weights(problem.shape.weights()),
          diff_bias(static_cast<std::size_t>(problem.shape.k)) {}

    // No call of these tests may write anything.
    ~ErrorsOfPasses() override {
        const auto untouched = [](float value) { return std::isnan(value); };
        for (const Guarded<float>* memory : {&dst.memory, &diff_src.memory, &diff_weights.memory, &diff_bias})
            EXPECT_TRUE(std::all_of(memory->values().begin(), memory->values().end(), untouched));
        EXPECT_TRUE(problem.inputs_unchanged());
    }

    RunStatistics forward(SparseInput src, std::span<const float> bias, TensorView to) {
        return plan.forward(src, packed, bias, to, workspace);
    }
    void forward_relu(SparseInput src, std::span<const float> bias, TensorView to, MaskView mask) {
        plan.forward_relu(src, packed, bias, to, mask, workspace);
    }

    // Calls check(view, parts) with each way in which a view of `tensor` called `name` can be wrong.
    template <typename Check>
    static void for_each_wrong_view(const TestTensor& tensor, const std::string& name, Check check) {
        const TensorView good = tensor.view();
        const auto with = [&good](auto change) {
            TensorView view = good;
            change(view);
            return view;
        };
        const auto number = [](int value) { return std::to_string(value); };
        const Shape s = good.shape;
        check(with([](TensorView& v) { v.data = nullptr; }), {name, "null"});
        check(with([](TensorView& v) { v.data = misaligned(v.data); }), {name, "64"});
        check(with([](TensorView& v) { v.layout = static_cast<Layout>(1); }), {name, "layout", "nchw16c"});
        check(with([](TensorView& v) { v.shape.n += 5; }), {name, number(s.n), number(s.n + 5)});
        check(with([](TensorView& v) { v.shape.c += 1; }), {name, number(s.c), number(s.c + 1)});
        check(with([](TensorView& v) { v.shape.h += 20; }), {name, number(s.h), number(s.h + 20)});
        check(with([](TensorView& v) { v.shape.w -= 1; }), {name, number(s.w), number(s.w - 1)});
        check(with([](TensorView& v) { v.shape.w = -77; }), {name, number(s.w), "-77"});
    }

    template <typename Check>
    static void for_each_wrong_mask(const TestMask& mask, Check check) {
        const Shape s = mask.shape;
        check(MaskView{misaligned(mask.view().data), s}, {"mask", "64"});
        check(MaskView{mask.view().data, {s.n, s.c, s.h, s.w + 30}},
              {"mask", std::to_string(s.w), std::to_string(s.w + 30)});
        check(MaskView{mask.view().data, {s.n, s.c - 1, s.h, s.w}},
              {"mask", std::to_string(s.c), std::to_string(s.c - 1)});
    }

    using Parts = std::initializer_list<std::string>;
    ConvProblem problem;
    Conv2d plan;
    PackedWeights packed;
    Workspace workspace;
    TestMask src_mask, diff_dst_mask;
    TestTensor dst, diff_src;
    TestMask dst_mask;
    TestWeights diff_weights;
    Guarded<float> diff_bias;
};

TEST_P(ErrorsOfPasses, ForwardTensors) {
    for_each_wrong_view(problem.src, "src", [&](TensorView view, Parts parts) {
        expect_error(kInvalid, parts, [&] { forward(view, {}, dst.view()); });
        expect_error(kInvalid, parts, [&] { forward_relu(view, {}, dst.view(), dst_mask.view()); });
    });
    for_each_wrong_view(dst, "dst", [&](TensorView view, Parts parts) {
        expect_error(kInvalid, parts, [&] { forward(problem.src.view(), {}, view); });
        expect_error(kInvalid, parts, [&] { forward_relu(problem.src.view(), {}, view, dst_mask.view()); });
    });
}

TEST_P(ErrorsOfPasses, ForwardMasks) {
    for_each_wrong_mask(src_mask, [&](MaskView mask, Parts parts) {
        expect_error(kInvalid, parts, [&] { forward({problem.src.view(), mask}, {}, dst.view()); });
    });
    for_each_wrong_mask(dst_mask, [&](MaskView mask, Parts parts) {
        expect_error(kInvalid, parts, [&] { forward_relu(problem.src.view(), {}, dst.view(), mask); });
    });
    expect_error(kInvalid, {"mask", "null"}, [&] {
        forward_relu(problem.src.view(), {}, dst.view(), {nullptr, dst.shape});
    });
}

// A mask that does not cover its tensor belongs to older values. Looking for that is left to builds without
// NDEBUG.
TEST_P(ErrorsOfPasses, StaleMasks) {
#ifdef NDEBUG
    constexpr bool refused = false;
#else
    constexpr bool refused = true;
#endif
    const TestMask empty(problem.shape.src);
    std::fill_n(empty.view().data, empty.shape.pixels(), std::uint16_t{0});
    if (refused) {
        expect_error(kInvalid, {"src mask", "clear bit"}, [&] {
            forward({problem.src.view(), empty.view()}, {}, dst.view());
        });
    } else {
        TestTensor other(problem.shape.dst());
        EXPECT_EQ(forward({problem.src.view(), empty.view()}, {}, other.view()).zeros, 100);
    }
}

TEST_P(ErrorsOfPasses, Biases) {
    const std::span<const float> null(static_cast<const float*>(nullptr), 40);
    expect_error(kInvalid, {"bias", "null"}, [&] { forward(problem.src.view(), null, dst.view()); });
    const AlignedArray<float> bias(41);
    for (const std::size_t given : {std::size_t{1}, std::size_t{39}, std::size_t{41}}) {
        const std::span<const float> wrong(bias.data(), given);
        const Parts parts = {"bias", "40", std::to_string(given)};
        expect_error(kInvalid, parts, [&] { forward(problem.src.view(), wrong, dst.view()); });
        expect_error(kInvalid, parts,
                     [&] { forward_relu(problem.src.view(), wrong, dst.view(), dst_mask.view()); });
        expect_error(kInvalid, parts, [&] {
            plan.backward_weights(problem.src.view(), problem.diff_dst.view(), diff_weights.view(),
                                  {diff_bias.data(), given}, workspace);
        });
    }
}

TEST_P(ErrorsOfPasses, WeightsOfAnotherShape) {
    const int r = problem.shape.filter_h, s = problem.shape.filter_w;
    for (const WeightsShape shape : {WeightsShape{41, 17, r, s}, WeightsShape{40, 18, r, s},
                                     WeightsShape{40, 17, r + 2, s + 2}, WeightsShape{40, 17, s + 1, r}}) {
        const TestWeights other(shape);
        const PackedWeights wrong(other.view());
        const Parts parts = {"weights", std::to_string(shape.k), std::to_string(shape.c), "40", "17"};
        expect_error(kInvalid, parts,
                     [&] { plan.forward(problem.src.view(), wrong, {}, dst.view(), workspace); });
        if (!GetParam().backward_data) continue;
        expect_error(kInvalid, parts,
                     [&] { plan.backward_data(problem.diff_dst.view(), wrong, diff_src.view(), workspace); });
    }
}

class ErrorsOfBackwardData : public ErrorsOfPasses {};

TEST_P(ErrorsOfBackwardData, TensorsAndMasks) {
    for_each_wrong_view(problem.diff_dst, "diff_dst", [&](TensorView view, Parts parts) {
        expect_error(kInvalid, parts, [&] { plan.backward_data(view, packed, diff_src.view(), workspace); });
    });
    for_each_wrong_view(diff_src, "diff_src", [&](TensorView view, Parts parts) {
        expect_error(kInvalid, parts,
                     [&] { plan.backward_data(problem.diff_dst.view(), packed, view, workspace); });
    });
    for_each_wrong_mask(diff_dst_mask, [&](MaskView mask, Parts parts) {
        expect_error(kInvalid, parts, [&] {
            plan.backward_data({problem.diff_dst.view(), mask}, packed, diff_src.view(), workspace);
        });
    });
}

TEST_P(ErrorsOfBackwardData, ReluMasks) {
    const auto run = [&](ConstMaskView mask) {
        plan.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace, mask);
    };
    const MaskView good = src_mask.view();
    expect_error(kInvalid, {"relu_mask", "pointer"}, [&] {
        run({reinterpret_cast<const std::uint16_t*>(reinterpret_cast<const char*>(good.data) + 1),
             good.shape});
    });
    Shape wrong = good.shape;
    ++wrong.c;
    expect_error(kInvalid, {"relu_mask", "expected", "given"}, [&] { run({good.data, wrong}); });
}

TEST_P(ErrorsOfBackwardData, APlanForOutputMaskNeedsAMask) {
    if (!GetParam().skips_zeros) return;  // such a plan is dense
    const Conv2d by_mask(problem.shape, Policy::output_mask);
    expect_error(kInvalid, {"relu_mask", "a mask", "none"},
                 [&] { by_mask.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace); });
}

// A class for first layers, whose src has no gradient, says so whatever it is given.
class ErrorsWithoutBackwardData : public ErrorsOfPasses {};

TEST_P(ErrorsWithoutBackwardData, NameTheClassAndItsPasses) {
    const Parts parts = {"backward_data", GetParam().name, "fwd", "bwd_weights"};
    for (const Policy policy : all_policies()) {
        const Conv2d any(problem.shape, policy);
        expect_error(kUnsupported, parts,
                     [&] { any.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace); });
        expect_error(kUnsupported, parts, [&] {
            any.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace, src_mask.view());
        });
    }
    expect_error(kUnsupported, parts, [&] { plan.backward_data(TensorView{}, packed, {}, workspace); });
}

TEST_P(ErrorsOfPasses, BackwardWeightsTensors) {
    const auto run = [&](SparseInput src, SparseInput diff_dst, WeightsView to) {
        plan.backward_weights(src, diff_dst, to, {}, workspace);
    };
    for_each_wrong_view(problem.src, "src", [&](TensorView view, Parts parts) {
        expect_error(kInvalid, parts, [&] { run(view, problem.diff_dst.view(), diff_weights.view()); });
    });
    for_each_wrong_view(problem.diff_dst, "diff_dst", [&](TensorView view, Parts parts) {
        expect_error(kInvalid, parts, [&] { run(problem.src.view(), view, diff_weights.view()); });
    });
    for_each_wrong_mask(diff_dst_mask, [&](MaskView mask, Parts parts) {
        const SparseInput masked(problem.diff_dst.view(), mask);
        expect_error(kInvalid, parts, [&] { run(problem.src.view(), masked, diff_weights.view()); });
    });
    const WeightsShape good = diff_weights.shape;
    const auto refused = [&](WeightsView to, Parts parts) {
        expect_error(kInvalid, parts, [&] { run(problem.src.view(), problem.diff_dst.view(), to); });
    };
    refused({nullptr, good}, {"diff_weights", "null"});
    refused({misaligned(diff_weights.view().data), good}, {"diff_weights", "64"});
    refused({diff_weights.view().data, {39, 17, good.r, good.s}}, {"diff_weights", "39", "40"});
    refused({diff_weights.view().data, {40, 17, good.r, good.s + 4}},
            {"diff_weights", std::to_string(good.s), std::to_string(good.s + 4)});
}

// An error leaves plan, packed weights and workspace fit for the next call.
TEST_P(ErrorsOfPasses, TheNextCallWorks) {
    expect_error(kInvalid, {"dst"}, [&] { forward(problem.src.view(), {}, problem.src.view()); });
    const TestTensor result(problem.shape.dst());
    forward(problem.src.view(), problem.bias.values(), result.view());
    EXPECT_TRUE(matches(ConvReference(problem).forward(true), result, kExact));
}

std::string name(const ::testing::TestParamInfo<LayerClassInfo>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Classes, ErrorsOfPasses, ::testing::ValuesIn(layer_classes()), name);
INSTANTIATE_TEST_SUITE_P(Classes, ErrorsOfBackwardData,
                         ::testing::ValuesIn(classes_with(&LayerClassInfo::backward_data)), name);
INSTANTIATE_TEST_SUITE_P(Classes, ErrorsWithoutBackwardData,
                         ::testing::ValuesIn(classes_without(&LayerClassInfo::backward_data)), name);

}  // namespace
}  // namespace sparsetrain::test
