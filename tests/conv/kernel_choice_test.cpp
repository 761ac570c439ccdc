// The rule of `auto`: a crossover with hysteresis, on zeros counted from a mask or a sample of rows.
#include "kernel_choice.h"

#include <gtest/gtest.h>

#include "test_data.h"

namespace sparsetrain::test {
namespace {

using detail::Candidate;
using detail::Choice;

constexpr Choice kDenseBefore = {Kernel::dense, Operand::src};
constexpr Choice kZeroSkipBefore = {Kernel::zero_skip, Operand::diff_dst};
constexpr Choice kOutputMaskBefore = {Kernel::output_mask, Operand::src};

Kernel choose(double zeros, const Choice* previous) {
    const Candidate only = {Kernel::zero_skip, Operand::diff_dst, zeros, 20};
    const Candidate* chosen = detail::choose_kernel({&only, 1}, previous);
    return chosen == nullptr ? Kernel::dense : chosen->kernel;
}

// zero_skip, as fast as dense at 20 % zeros in diff_dst, or output_mask, at 40 % in src.
Kernel choose_of_two(double zeros_diff_dst, double zeros_src, const Choice* previous) {
    const Candidate candidates[] = {{Kernel::zero_skip, Operand::diff_dst, zeros_diff_dst, 20},
                                    {Kernel::output_mask, Operand::src, zeros_src, 40}};
    const Candidate* chosen = detail::choose_kernel(candidates, previous);
    return chosen == nullptr ? Kernel::dense : chosen->kernel;
}

TEST(KernelChoice, FirstCallDecidesAtTheCrossover) {
    EXPECT_EQ(choose(19.9, nullptr), Kernel::dense);
    EXPECT_EQ(choose(20, nullptr), Kernel::zero_skip);
}

TEST(KernelChoice, LaterCallsKeepTheKernelWithinTwoPoints) {
    EXPECT_EQ(choose(21.9, &kDenseBefore), Kernel::dense);
    EXPECT_EQ(choose(22.1, &kDenseBefore), Kernel::zero_skip);
    EXPECT_EQ(choose(18.1, &kZeroSkipBefore), Kernel::zero_skip);
    EXPECT_EQ(choose(17.9, &kZeroSkipBefore), Kernel::dense);
}

TEST(KernelChoice, TheCandidateWithTheLeastWorkPerWorkAtItsCrossoverWins) {
    EXPECT_EQ(choose_of_two(19, 39, nullptr), Kernel::dense);
    EXPECT_EQ(choose_of_two(21, 39, nullptr), Kernel::zero_skip);
    EXPECT_EQ(choose_of_two(19, 41, nullptr), Kernel::output_mask);
    EXPECT_EQ(choose_of_two(50, 50, nullptr), Kernel::zero_skip);
    EXPECT_EQ(choose_of_two(60, 69, nullptr), Kernel::zero_skip);  // 40/80 of dense's work, 31/60
    EXPECT_EQ(choose_of_two(60, 71, nullptr), Kernel::output_mask);
}

TEST(KernelChoice, ThePreviousCandidateIsTwoPointsAhead) {
    EXPECT_EQ(choose_of_two(60, 71, &kZeroSkipBefore), Kernel::zero_skip);
    EXPECT_EQ(choose_of_two(60, 72, &kZeroSkipBefore), Kernel::output_mask);
    EXPECT_EQ(choose_of_two(60, 69, &kOutputMaskBefore), Kernel::output_mask);
    EXPECT_EQ(choose_of_two(60, 67, &kOutputMaskBefore), Kernel::zero_skip);
    EXPECT_EQ(choose_of_two(21, 41, &kDenseBefore), Kernel::dense);
}

TEST(KernelChoice, ThePreviousOperandOfAKernelIsTwoPointsAhead) {
    const auto skipped = [](double zeros_src, double zeros_diff_dst, Operand before) {
        const Candidate candidates[] = {{Kernel::zero_skip, Operand::src, zeros_src, 20},
                                        {Kernel::zero_skip, Operand::diff_dst, zeros_diff_dst, 20}};
        const Choice previous = {Kernel::zero_skip, before};
        return detail::choose_kernel(candidates, &previous)->skipped;
    };
    EXPECT_EQ(skipped(50, 51.9, Operand::src), Operand::src);
    EXPECT_EQ(skipped(50, 52.1, Operand::src), Operand::diff_dst);
    EXPECT_EQ(skipped(51.9, 50, Operand::diff_dst), Operand::diff_dst);
    EXPECT_EQ(skipped(52.1, 50, Operand::diff_dst), Operand::src);
}

TEST(KernelChoice, SparsestHasTheMostZeros) {
    const Candidate candidates[] = {{Kernel::zero_skip, Operand::src, 30, 20},
                                    {Kernel::zero_skip, Operand::diff_dst, 40, 20}};
    EXPECT_EQ(detail::sparsest(candidates).skipped, Operand::diff_dst);
}

TEST(KernelChoice, ZerosOfAMaskAreExact) {
    Random random(1);
    for (const int channels : {1, 16, 33}) {
        const TestTensor tensor = make_tensor({2, channels, 7, 9}, Values::reals, {40}, random);
        const TestMask mask = make_mask(tensor, MaskKind::exact, random);
        EXPECT_NEAR(detail::observe_zeros({tensor.view(), mask.view()}), zero_percent(tensor), 1e-9);
    }
}

// Tensors of every number of rows around the distance of samples, with and without padding lanes.
TEST(KernelChoice, SampledZerosCoverSmallTensors) {
    Random random(1);
    for (const int channels : {1, 15, 16, 17}) {
        for (int rows = 1; rows <= 140; ++rows) {
            const Shape shape{1, channels, rows, 3};
            EXPECT_EQ(detail::observe_zeros(make_tensor(shape, Values::reals, {0}, random).view()), 0);
            EXPECT_EQ(detail::observe_zeros(make_tensor(shape, Values::reals, {100}, random).view()), 100);
        }
    }
}

}  // namespace
}  // namespace sparsetrain::test
