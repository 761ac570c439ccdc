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
// No tap reaches the last row and column of the second and most pixels of the fourth.
const ConvShape kShapes[] = {kShape,
                             {{3, 20, 8, 10}, 37, 3, 3, 2, {0, 0, 0, 0}},
                             {{3, 20, 7, 9}, 37, 1, 1, 1, {0, 0, 0, 0}},
                             {{3, 20, 8, 10}, 37, 1, 1, 2, {0, 0, 0, 0}},
                             {{2, 20, 8, 9}, 17, 5, 5, 1, {2, 2, 2, 2}}};

double zeros_percent(const Tensor& tensor) {
    const Shape s = tensor.shape();
    const auto padding = static_cast<double>(s.elements()) - 1.0 * s.n * s.c * s.h * s.w;
    const auto zeros = std::count(tensor.values().begin(), tensor.values().end(), 0.0f);
    return 100 * (static_cast<double>(zeros) - padding) / (static_cast<double>(s.elements()) - padding);
}

// Writes the right result of a pass.
void compute(Problem& problem) {
    const ConvShape& shape = problem.shape;
    const auto each = [](const Shape& s, Tensor& to, auto value_at) {
        for (int n = 0; n < s.n; ++n)
            for (int c = 0; c < s.c; ++c)
                for (int y = 0; y < s.h; ++y)
                    for (int x = 0; x < s.w; ++x)
                        to.values()[reference::lane_offset(s, n, c, y, x)] =
                            static_cast<float>(value_at(n, c, y, x).value);
    };
    if (problem.pass == Pass::fwd) {
        each(shape.dst(), problem.dst, [&](int n, int k, int y, int x) {
            return reference::forward_at(shape, problem.src.view(), problem.weights.view(), {}, n, k, y, x);
        });
    } else if (problem.pass == Pass::bwd_data) {
        each(shape.src, problem.src, [&](int n, int c, int y, int x) {
            return reference::backward_data_at(shape, problem.dst.view(), problem.weights.view(), n, c, y, x);
        });
    } else {
        for (int k = 0; k < shape.k; ++k)
            for (int c = 0; c < shape.src.c; ++c)
                for (int r = 0; r < shape.filter_h; ++r)
                    for (int s = 0; s < shape.filter_w; ++s)
                        problem.weights.at(k, c, r, s) =
                            static_cast<float>(reference::backward_weights_at(shape, problem.src.view(),
                                                                              problem.dst.view(), k, c, r, s)
                                                   .value);
    }
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
    for (const ConvShape& shape : kShapes) {
        Problem problem(shape, GetParam(), 50);
        EXPECT_GE(problem.samples(), 512u);
        problem.forget_result();
        EXPECT_NE(problem.find_mistake(), "");
        compute(problem);
        EXPECT_EQ(problem.find_mistake(), "");
    }
}

TEST_P(ProblemOfPass, RefusesWrongCorners) {
    for (const ConvShape& shape : kShapes) {
        Problem problem(shape, GetParam(), 50);
        compute(problem);
        const auto expect_refused = [&](std::size_t offset) {
            result_of(problem)[offset] += 1;
            EXPECT_NE(problem.find_mistake(), "") << offset;
            result_of(problem)[offset] -= 1;
            EXPECT_EQ(problem.find_mistake(), "");
        };
        expect_refused(0);  // first image or output channel, first channel, top left
        if (GetParam() == Pass::bwd_weights) {
            expect_refused(
                shape.weights().offset(shape.k - 1, shape.src.c - 1, shape.filter_h - 1, shape.filter_w - 1));
        } else {
            const Shape size = GetParam() == Pass::fwd ? shape.dst() : shape.src;
            expect_refused(reference::lane_offset(size, size.n - 1, size.c - 1, size.h - 1, size.w - 1));
        }
    }
}

// With a stride, sums of neighbours in diff_src have different taps, or none.
TEST(ProblemOfStride, RefusesAWrongNeighbourOfEveryCorner) {
    for (const ConvShape& shape : {kShapes[1], kShapes[3]}) {
        Problem problem(shape, Pass::bwd_data, 50);
        compute(problem);
        const Shape s = shape.src;
        for (const int y : {0, 1, s.h - 2, s.h - 1})
            for (const int x : {0, 1, s.w - 2, s.w - 1}) {
                float& value = problem.src.values()[reference::lane_offset(s, 0, 0, y, x)];
                value += 1;
                EXPECT_NE(problem.find_mistake(), "") << y << " " << x;
                value -= 1;
            }
        EXPECT_EQ(problem.find_mistake(), "");
    }
}

// Whoever leaves diff_src alone where no tap reaches is found.
TEST(ProblemOfStride, WantsZerosWhereNoTapReaches) {
    for (const ConvShape& shape : {kShapes[1], kShapes[3]}) {
        Problem problem(shape, Pass::bwd_data, 0);
        compute(problem);
        const Shape s = shape.src;
        for (int n = 0; n < s.n; ++n)
            for (int c = 0; c < s.c; ++c)
                for (int x = 0; x < s.w; ++x)
                    problem.src.values()[reference::lane_offset(s, n, c, s.h - 1, x)] = -1;
        EXPECT_TRUE(problem.find_mistake().starts_with("expected 0 at ")) << problem.find_mistake();
    }
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
