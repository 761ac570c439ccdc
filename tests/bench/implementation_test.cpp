// Results of the peers, which conv_bench computes itself (im2col) or takes with a tolerance (Winograd).
#include "implementation.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sparsetrain::bench {

namespace {

using Make = std::unique_ptr<Implementation> (*)(Problem&);

// What a problem says of the result that an implementation computes.
std::string mistake_of(Make make, const ConvShape& shape, Pass pass) {
    Problem problem(shape, pass, 50);
    const auto implementation = make(problem);
    for (int run = 0; run < 2; ++run) {  // the second must not add to the first
        problem.forget_result();
        implementation->run();
    }
    implementation->publish_result();
    return problem.find_mistake(implementation->tolerance());
}

class Peer : public testing::TestWithParam<Pass> {};

}  // namespace

TEST_P(Peer, Im2colIsExact) {
    const ConvShape shapes[] = {
        {{2, 20, 9, 7}, 37, 3, 3, 1, {1, 1, 1, 1}},  {{1, 16, 5, 8}, 16, 3, 3, 1, {0, 2, 2, 0}},
        {{2, 16, 9, 8}, 16, 3, 3, 2, {1, 0, 1, 2}},  {{2, 33, 6, 5}, 16, 1, 1, 1, {0, 0, 0, 0}},
        {{1, 16, 7, 9}, 16, 5, 3, 3, {2, 1, 0, 1}},  {{1, 16, 3, 1}, 16, 3, 3, 1, {1, 1, 1, 2}},
        {{1, 16, 12, 12}, 16, 1, 1, 2, {0, 0, 0, 0}}};
    for (const ConvShape& shape : shapes)
        EXPECT_EQ(mistake_of(make_im2col, shape, GetParam()), "")
            << shape.src.h << "x" << shape.src.w << " stride " << shape.stride;
}

TEST_P(Peer, Im2colRunsOnSeveralThreads) {
    use_threads(2);
    EXPECT_EQ(mistake_of(make_im2col, {{3, 32, 9, 9}, 48, 3, 3, 1, {1, 1, 1, 1}}, GetParam()), "");
    use_threads(1);
}

TEST_P(Peer, WinogradKeepsToItsTolerance) {
    const ConvShape shape = {{2, 64, 14, 14}, 32, 3, 3, 1, {1, 1, 1, 1}};
    EXPECT_EQ(mistake_of(make_onednn_winograd, shape, GetParam()), "");
    Problem problem(shape, GetParam(), 50);
    const double tolerance = make_onednn_winograd(problem)->tolerance();
    EXPECT_GT(tolerance, 0);
    EXPECT_LT(tolerance, 0.5);  // whoever adds a product too many is still found
    EXPECT_EQ(make_onednn(problem)->tolerance(), 0);
    EXPECT_EQ(make_im2col(problem)->tolerance(), 0);
}

INSTANTIATE_TEST_SUITE_P(Passes, Peer, testing::Values(Pass::fwd, Pass::bwd_data, Pass::bwd_weights),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

}  // namespace sparsetrain::bench
