// Every pass, kernel, epilogue, mask and thread count against the reference, over tails, paddings and zeros.
#include <gtest/gtest.h>

#include "conv_problem.h"
#include "conv_shapes.h"

namespace sparsetrain::test {
namespace {

// More threads than the rows of small shapes and the cores of small machines; masks and bias vary along.
std::vector<Settings> settings_for(Policy policy) {
    return {{policy, 1, MaskKind::none, true},
            {policy, 1, MaskKind::exact, false},
            {policy, 2, MaskKind::conservative, true},
            {policy, 3, MaskKind::none, false}};
}

void expect_right_results(const ConvShape& shape, Values values, Zeros zeros) {
    SCOPED_TRACE(std::string(to_string(values)) + ", " + std::to_string(zeros.percent) + " % zeros by " +
                 to_string(zeros.pattern));
    const ConvProblem problem(shape, values, zeros, 1);
    const ConvReference reference(problem);
    expect_meaningful(problem, reference);
    for (const Policy policy : all_policies())
        for (const Settings& settings : settings_for(policy)) expect_all_passes(problem, reference, settings);
}

class ConvValues : public ::testing::TestWithParam<NamedConvShape> {};

class ConvTails : public ConvValues {};

TEST_P(ConvTails, IntegersAreExact) {
    expect_right_results(GetParam().shape, Values::integers, {50, ZeroPattern::elements});
}

TEST_P(ConvTails, RealsAreWithinTheRoundingBound) {
    expect_right_results(GetParam().shape, Values::reals, {30, ZeroPattern::elements});
}

class ConvZeros : public ConvValues {};

TEST_P(ConvZeros, None) {
    expect_right_results(GetParam().shape, Values::integers, {0, ZeroPattern::elements});
    expect_right_results(GetParam().shape, Values::reals, {0, ZeroPattern::elements});
}

TEST_P(ConvZeros, Everywhere) {
    expect_right_results(GetParam().shape, Values::integers, {100, ZeroPattern::elements});
}

TEST_P(ConvZeros, EveryPatternAndPercentage) {
    for (const int percent : {30, 50, 90, 99}) {
        for (const ZeroPattern pattern :
             {ZeroPattern::elements, ZeroPattern::vectors, ZeroPattern::channels, ZeroPattern::lanes})
            expect_right_results(GetParam().shape, Values::integers, {percent, pattern});
    }
}

class ConvPaddings : public ::testing::TestWithParam<LayerClassInfo> {};

// Every kernel meets every padding; threads, masks and bias take turns.
TEST_P(ConvPaddings, IntegersAreExact) {
    std::size_t turn = 0;
    for (const ConvShape& shape : padded_shapes(GetParam())) {
        const ConvProblem problem(shape, Values::integers, {50, ZeroPattern::elements}, 1);
        const ConvReference reference(problem);
        for (const Policy policy : all_policies()) {
            const std::vector<Settings> settings = settings_for(policy);
            expect_all_passes(problem, reference, settings[turn++ % settings.size()]);
        }
        ++turn;  // another setting of each policy next time
    }
}

INSTANTIATE_TEST_SUITE_P(Tails, ConvTails, ::testing::ValuesIn(tail_shapes()),
                         [](const auto& tested) { return tested.param.name; });
INSTANTIATE_TEST_SUITE_P(Zeros, ConvZeros, ::testing::ValuesIn(small_shapes()),
                         [](const auto& tested) { return tested.param.name; });
INSTANTIATE_TEST_SUITE_P(Paddings, ConvPaddings, ::testing::ValuesIn(layer_classes()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(LayerClasses, AreLinked) {
    EXPECT_FALSE(layer_classes().empty());
}

// What a kernel may lose comes on top of what rounding does.
TEST(Comparison, KeepsToTheErrorBound) {
    reference::Element three;
    three.add(1, 3);
    const std::vector<reference::Element> expected(kLanes, three);
    TestTensor result({1, kLanes, 1, 1});
    const auto is_taken = [&](float value, const Precision& precision) {
        for (std::size_t i = 0; i < result.memory.size(); ++i) result.memory[i] = value;
        return static_cast<bool>(matches(expected, result, precision));
    };
    EXPECT_TRUE(is_taken(3, kExact));
    EXPECT_FALSE(is_taken(3.0001F, kExact));
    EXPECT_FALSE(is_taken(3.0001F, {.sums_are_exact = false}));
    EXPECT_TRUE(is_taken(3.0001F, {.error_bound = 1e-4}));
    EXPECT_FALSE(is_taken(3.001F, {.error_bound = 1e-4}));
}

// `dense` computes the very sums, and every kernel says how far it is from them.
TEST(ErrorBounds, AreOfKernels) {
    for (const LayerClassInfo& layer : layer_classes()) {
        for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
            for (const Kernel kernel : kernels_of(layer, pass)) {
                const double bound = error_bound_of(layer, pass, kernel);
                EXPECT_GE(bound, 0) << layer.name << " " << to_string(kernel);
                EXPECT_LT(bound, 1e-4) << layer.name << " " << to_string(kernel);
            }
            EXPECT_EQ(error_bound_of(layer, pass, Kernel::dense), 0) << layer.name;
        }
    }
}

}  // namespace
}  // namespace sparsetrain::test
