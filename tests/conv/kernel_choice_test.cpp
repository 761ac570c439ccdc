// The rule of `auto`: a crossover with hysteresis, on zeros counted from a mask or a sample of rows.
#include "kernel_choice.h"

#include <gtest/gtest.h>

#include "test_data.h"

namespace sparsetrain::test {
namespace {

using detail::Candidate;
using detail::ConvKernel;
using detail::Skips;

struct Named final : ConvKernel {
    using ConvKernel::ConvKernel;
    double crossover(const ConvShape& /*shape*/) const override { return 0; }
    detail::Packing packing(const WeightsShape& /*master*/) const override { return {}; }
    double largest_scratch(const ConvShape& /*shape*/, int /*threads*/) const override { return 0; }
    void run(const detail::ConvCall& /*call*/) const override {}
};

const Named dense(Kernel::dense, Pass::bwd_data, Skips::nothing),
    zero_skip(Kernel::zero_skip, Pass::bwd_data, Skips::diff_dst),
    zero_skip_of_src(Kernel::zero_skip, Pass::bwd_weights, Skips::src),
    output_mask(Kernel::output_mask, Pass::bwd_data, Skips::results);

const ConvKernel* choose(std::initializer_list<Candidate> candidates, const ConvKernel* previous) {
    const Candidate* chosen = detail::choose_kernel({candidates.begin(), candidates.size()}, previous);
    return chosen == nullptr ? &dense : chosen->kernel;
}

const ConvKernel* choose(double zeros, const ConvKernel* previous) {
    return choose({{&zero_skip, zeros, 20}}, previous);
}

// zero_skip, as fast as dense at 20 % zeros in diff_dst, or output_mask, at 40 % in src.
const ConvKernel* choose_of_two(double zeros_diff_dst, double zeros_src, const ConvKernel* previous) {
    return choose({{&zero_skip, zeros_diff_dst, 20}, {&output_mask, zeros_src, 40}}, previous);
}

TEST(KernelChoice, FirstCallDecidesAtTheCrossover) {
    EXPECT_EQ(choose(19.9, nullptr), &dense);
    EXPECT_EQ(choose(20, nullptr), &zero_skip);
}

TEST(KernelChoice, LaterCallsKeepTheKernelWithinTwoPoints) {
    EXPECT_EQ(choose(21.9, &dense), &dense);
    EXPECT_EQ(choose(22.1, &dense), &zero_skip);
    EXPECT_EQ(choose(18.1, &zero_skip), &zero_skip);
    EXPECT_EQ(choose(17.9, &zero_skip), &dense);
}

TEST(KernelChoice, TheCandidateWithTheLeastWorkPerWorkAtItsCrossoverWins) {
    EXPECT_EQ(choose_of_two(19, 39, nullptr), &dense);
    EXPECT_EQ(choose_of_two(21, 39, nullptr), &zero_skip);
    EXPECT_EQ(choose_of_two(19, 41, nullptr), &output_mask);
    EXPECT_EQ(choose_of_two(50, 50, nullptr), &zero_skip);
    EXPECT_EQ(choose_of_two(60, 69, nullptr), &zero_skip);  // 40/80 of dense's work, 31/60
    EXPECT_EQ(choose_of_two(60, 71, nullptr), &output_mask);
}

TEST(KernelChoice, ThePreviousCandidateIsTwoPointsAhead) {
    EXPECT_EQ(choose_of_two(60, 71, &zero_skip), &zero_skip);
    EXPECT_EQ(choose_of_two(60, 72, &zero_skip), &output_mask);
    EXPECT_EQ(choose_of_two(60, 69, &output_mask), &output_mask);
    EXPECT_EQ(choose_of_two(60, 67, &output_mask), &zero_skip);
    EXPECT_EQ(choose_of_two(21, 41, &dense), &dense);
}

TEST(KernelChoice, ThePreviousOperandOfAKernelIsTwoPointsAhead) {
    const auto chosen = [](double zeros_src, double zeros_diff_dst, const ConvKernel* before) {
        return choose({{&zero_skip_of_src, zeros_src, 20}, {&zero_skip, zeros_diff_dst, 20}}, before);
    };
    EXPECT_EQ(chosen(50, 51.9, &zero_skip_of_src), &zero_skip_of_src);
    EXPECT_EQ(chosen(50, 52.1, &zero_skip_of_src), &zero_skip);
    EXPECT_EQ(chosen(51.9, 50, &zero_skip), &zero_skip);
    EXPECT_EQ(chosen(52.1, 50, &zero_skip), &zero_skip_of_src);
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
