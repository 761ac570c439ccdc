// The data that conv_bench times implementations on, and its check of their results.
#include "problem.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "direct_convolution.h"
#include "sparsetrain/relu.h"

namespace sparsetrain::bench {

namespace {

const ConvShape kShape = {{3, 20, 9, 7}, 37, 3, 3, 1, {1, 1, 1, 1}};

double zeros_percent(const Tensor& tensor) {
    const Shape s = tensor.shape();
    const auto padding = static_cast<double>(s.elements()) - 1.0 * s.n * s.c * s.h * s.w;
    const auto zeros = std::count(tensor.values().begin(), tensor.values().end(), 0.0f);
    return 100 * (static_cast<double>(zeros) - padding) / (static_cast<double>(s.elements()) - padding);
}

// Writes the right result of a pass.
void compute(Problem& problem) {
    const ConvShape& shape = problem.shape;
    const Shape src = shape.src, dst = shape.dst();
    for (int n = 0; n < src.n; ++n)
        for (int y = 0; y < src.h; ++y)
            for (int x = 0; x < src.w; ++x) {
                for (int k = 0; problem.pass == Pass::fwd && k < dst.c; ++k)
                    problem.dst.values()[reference::lane_offset(dst, n, k, y, x)] =
                        static_cast<float>(reference::forward_at(shape, problem.src.view(),
                                                                 problem.weights.view(), {}, n, k, y, x)
                                               .value);
                for (int c = 0; problem.pass == Pass::bwd_data && c < src.c; ++c)
                    problem.src.values()[reference::lane_offset(src, n, c, y, x)] =
                        static_cast<float>(reference::backward_data_at(shape, problem.dst.view(),
                                                                       problem.weights.view(), n, c, y, x)
                                               .value);
            }
    for (int k = 0; problem.pass == Pass::bwd_weights && k < shape.k; ++k)
        for (int c = 0; c < src.c; ++c)
            for (int r = 0; r < 3; ++r)
                for (int s = 0; s < 3; ++s)
                    problem.weights.at(k, c, r, s) =
                        static_cast<float>(reference::backward_weights_at(shape, problem.src.view(),
                                                                          problem.dst.view(), k, c, r, s)
                                               .value);
}

AlignedArray<float>& result_of(Problem& problem) {
    if (problem.pass == Pass::bwd_weights) return problem.weights.values();
    return problem.pass == Pass::fwd ? problem.dst.values() : problem.src.values();
}

class ProblemOfPass : public testing::TestWithParam<Pass> {};

}  // namespace

TEST_P(ProblemOfPass, OnlyTheSparseOperandHasZeros) {
    const Problem problem({{4, 40, 20, 20}, 48, 3, 3, 1, {1, 1, 1, 1}}, GetParam(), 70);
    if (GetParam() == Pass::bwd_data) {
        EXPECT_NEAR(zeros_percent(problem.dst), 70, 1);
    } else {
        EXPECT_NEAR(zeros_percent(problem.src), 70, 1);
    }
    if (GetParam() == Pass::bwd_weights) {
        EXPECT_EQ(zeros_percent(problem.dst), 0);
    }
}

TEST_P(ProblemOfPass, AcceptsTheRightResult) {
    Problem problem(kShape, GetParam(), 50);
    EXPECT_GE(problem.samples(), 512u);
    problem.forget_result();
    EXPECT_NE(problem.find_mistake(), "");
    compute(problem);
    EXPECT_EQ(problem.find_mistake(), "");
}

TEST_P(ProblemOfPass, RefusesWrongCorners) {
    Problem problem(kShape, GetParam(), 50);
    compute(problem);
    result_of(problem)[0] += 1;  // first image or output channel, first channel, top left
    EXPECT_NE(problem.find_mistake(), "");
    result_of(problem)[0] -= 1;
    EXPECT_EQ(problem.find_mistake(), "");

    const Shape src = kShape.src, dst = kShape.dst();
    const std::size_t last = GetParam() == Pass::fwd
                                 ? reference::lane_offset(dst, dst.n - 1, dst.c - 1, dst.h - 1, dst.w - 1)
                             : GetParam() == Pass::bwd_data
                                 ? reference::lane_offset(src, src.n - 1, src.c - 1, src.h - 1, src.w - 1)
                                 : kShape.weights().offset(kShape.k - 1, src.c - 1, 2, 2);
    result_of(problem)[last] += 1;
    EXPECT_NE(problem.find_mistake(), "");
}

TEST_P(ProblemOfPass, AllowsNoMoreThanTheTolerance) {
    Problem problem(kShape, GetParam(), 50);
    compute(problem);
    result_of(problem)[0] += 0.25f;
    EXPECT_EQ(problem.find_mistake(0.25), "");
    EXPECT_NE(problem.find_mistake(0.24), "");
    result_of(problem)[0] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_NE(problem.find_mistake(0.25), "");
}

TEST(MaskedProblem, OnlyTheMaskHasZeros) {
    const ConvShape shape = {{4, 40, 20, 20}, 48, 3, 3, 1, {1, 1, 1, 1}};
    const Problem problem(shape, Pass::bwd_data, 70, ZerosIn::relu_mask);
    EXPECT_EQ(zeros_percent(problem.dst), 0);
    ASSERT_EQ(problem.relu_mask.shape(), shape.src);
    int set = 0;
    for (const std::uint16_t word : problem.relu_mask.words()) set += std::popcount(word);
    EXPECT_NEAR(100.0 * set / (4 * 40 * 20 * 20), 30, 1);
    for (std::size_t pixel = 0; pixel < 400; ++pixel)
        EXPECT_EQ(problem.relu_mask.words()[2 * 400 + pixel] >> 8, 0) << "beyond channel 40";
}

TEST(MaskedProblem, WantsZerosBehindTheMask) {
    Problem problem(kShape, Pass::bwd_data, 50, ZerosIn::relu_mask);
    compute(problem);
    EXPECT_NE(problem.find_mistake(), "");
    Workspace workspace;
    Tensor wanted(kShape.src);
    relu_backward(problem.src.view(), problem.relu_mask.view(), wanted.view(), workspace);
    problem.src = std::move(wanted);
    EXPECT_EQ(problem.find_mistake(), "");
    problem.src.values()[0] += 1;
    EXPECT_NE(problem.find_mistake(), "");
}

TEST(MaskedProblem, IsOneOfBackwardDataOnly) {
    for (const Pass pass : {Pass::fwd, Pass::bwd_weights}) {
        try {
            const Problem problem(kShape, pass, 50, ZerosIn::relu_mask);
            ADD_FAILURE() << "no error for " << to_string(pass);
        } catch (const Error& error) {
            EXPECT_EQ(std::string(error.what()),
                      std::string("expected a ReLU's mask in bwd_data only, found ") + to_string(pass));
        }
    }
}

TEST(Problem, KnowsHowLongItsSumsAre) {
    EXPECT_EQ(Problem(kShape, Pass::fwd, 0).products_per_sum(), 20 * 9);
    EXPECT_EQ(Problem(kShape, Pass::bwd_data, 0).products_per_sum(), 37 * 9);
    EXPECT_EQ(Problem(kShape, Pass::bwd_weights, 0).products_per_sum(), 3 * 9 * 7);
}

INSTANTIATE_TEST_SUITE_P(Passes, ProblemOfPass, testing::Values(Pass::fwd, Pass::bwd_data, Pass::bwd_weights),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

}  // namespace sparsetrain::bench
