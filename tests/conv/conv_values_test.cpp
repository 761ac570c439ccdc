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

std::string name(const ::testing::TestParamInfo<NamedConvShape>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Tails, ConvTails, ::testing::ValuesIn(shapes_of_all_classes(tail_extents())), name);
INSTANTIATE_TEST_SUITE_P(Zeros, ConvZeros, ::testing::ValuesIn(shapes_of_all_classes(small_extents())), name);

TEST(LayerClasses, AreLinked) {
    EXPECT_FALSE(layer_classes().empty());
}

}  // namespace
}  // namespace sparsetrain::test
