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

}  // namespace
}  // namespace sparsetrain::test
