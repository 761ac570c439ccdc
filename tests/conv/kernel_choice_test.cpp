// The rule of `auto`: a crossover with hysteresis, on zeros counted from a mask or a sample of rows.
#include "kernel_choice.h"

#include <gtest/gtest.h>

#include "test_data.h"

namespace sparsetrain::test {
namespace {

TEST(KernelChoice, FirstCallDecidesAtTheCrossover) {
    EXPECT_EQ(detail::choose_kernel(19.9, 20, nullptr), Kernel::dense);
    EXPECT_EQ(detail::choose_kernel(20, 20, nullptr), Kernel::zero_skip);
}

TEST(KernelChoice, LaterCallsKeepTheKernelWithinTwoPoints) {
    const Kernel dense = Kernel::dense, zero_skip = Kernel::zero_skip;
    EXPECT_EQ(detail::choose_kernel(21.9, 20, &dense), dense);
    EXPECT_EQ(detail::choose_kernel(22.1, 20, &dense), zero_skip);
    EXPECT_EQ(detail::choose_kernel(18.1, 20, &zero_skip), zero_skip);
    EXPECT_EQ(detail::choose_kernel(17.9, 20, &zero_skip), dense);
}

TEST(KernelChoice, FirstCallTakesTheSparserOperand) {
    EXPECT_EQ(detail::choose_operand(50, 49.9, nullptr), Operand::src);
    EXPECT_EQ(detail::choose_operand(50, 50, nullptr), Operand::src);
    EXPECT_EQ(detail::choose_operand(50, 50.1, nullptr), Operand::diff_dst);
}

TEST(KernelChoice, LaterCallsKeepTheOperandWithinTwoPoints) {
    const Operand src = Operand::src, diff_dst = Operand::diff_dst;
    EXPECT_EQ(detail::choose_operand(50, 51.9, &src), src);
    EXPECT_EQ(detail::choose_operand(50, 52.1, &src), diff_dst);
    EXPECT_EQ(detail::choose_operand(51.9, 50, &diff_dst), diff_dst);
    EXPECT_EQ(detail::choose_operand(52.1, 50, &diff_dst), src);
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
