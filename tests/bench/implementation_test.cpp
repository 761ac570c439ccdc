// Results of what conv_bench compares, on small layers of every class: its own code (im2col), the use that it
// makes of oneDNN and of this library, and what it takes with a tolerance (Winograd).
#include "implementation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sparsetrain/library.h"

namespace sparsetrain::bench {

namespace {

using Make = std::unique_ptr<Implementation> (*)(Problem&);

// As layers.txt has them: stride 2 with padding that no filter reaches left out, 1x1 of stride 1 and 2; then
// other filters, strides, paddings and tails.
const ConvShape kShapes[] = {
    {{2, 20, 9, 7}, 37, 3, 3, 1, {1, 1, 1, 1}},  {{2, 32, 14, 14}, 48, 3, 3, 2, {1, 1, 0, 0}},
    {{2, 48, 7, 7}, 32, 1, 1, 1, {0, 0, 0, 0}},  {{2, 32, 14, 14}, 48, 1, 1, 2, {0, 0, 0, 0}},
    {{1, 16, 5, 8}, 16, 3, 3, 1, {0, 2, 2, 0}},  {{2, 16, 9, 8}, 16, 3, 3, 2, {1, 0, 1, 2}},
    {{2, 33, 6, 5}, 16, 1, 1, 1, {0, 0, 0, 0}},  {{1, 17, 8, 9}, 33, 1, 1, 2, {0, 0, 0, 0}},
    {{1, 16, 9, 11}, 16, 5, 5, 1, {2, 2, 2, 2}}, {{1, 16, 10, 6}, 16, 5, 5, 1, {4, 0, 3, 1}},
    {{1, 3, 16, 15}, 16, 7, 7, 2, {3, 3, 3, 3}}, {{1, 16, 3, 1}, 16, 3, 3, 1, {1, 1, 1, 2}},
};

std::string to_text(const ConvShape& shape) {
    return std::to_string(shape.filter_h) + "x" + std::to_string(shape.filter_w) + " stride " +
           std::to_string(shape.stride) + " of " + std::to_string(shape.src.h) + "x" +
           std::to_string(shape.src.w);
}

// What a problem says of the result that an implementation computes.
std::string mistake_of(Make make, const ConvShape& shape, Pass pass, ZerosIn zeros_in = ZerosIn::operand) {
    Problem problem(shape, pass, 50, zeros_in);
    const auto implementation = make(problem);
    for (int run = 0; run < 2; ++run) {  // the second must not add to the first
        problem.forget_result();
        implementation->run();
    }
    implementation->publish_result();
    return problem.find_mistake(implementation->tolerance());
}

bool class_is_linked(const ConvShape& shape) {
    return std::any_of(layer_classes().begin(), layer_classes().end(), [&](const LayerClassInfo& layer) {
        return layer.filter_h == shape.filter_h && layer.filter_w == shape.filter_w &&
               layer.stride == shape.stride;
    });
}

bool is_ours(const ImplementationEntry& entry) {
    const std::string name = entry.name;
    return name != kPeer && name != "onednn_winograd" && name != "im2col";
}

class Peer : public testing::TestWithParam<Pass> {};

}  // namespace

TEST_P(Peer, Im2colIsExact) {
    for (const ConvShape& shape : kShapes)
        EXPECT_EQ(mistake_of(make_im2col, shape, GetParam()), "") << to_text(shape);
    const ConvShape other_filters[] = {{{1, 16, 7, 9}, 16, 5, 3, 3, {2, 1, 0, 1}},
                                       {{1, 16, 9, 9}, 16, 3, 3, 7, {1, 1, 1, 1}}};
    for (const ConvShape& shape : other_filters)
        EXPECT_EQ(mistake_of(make_im2col, shape, GetParam()), "") << to_text(shape);
}

TEST_P(Peer, OneDnnIsExact) {
    for (const ConvShape& shape : kShapes)
        EXPECT_EQ(mistake_of(make_onednn, shape, GetParam()), "") << to_text(shape);
}

// Every implementation that has turns, ours among them.
TEST_P(Peer, WhoeverServesAShapeIsRight) {
    int ours = 0;
    for (const ConvShape& shape : kShapes) {
        for (const ImplementationEntry* entry : implementations_of(shape, GetParam())) {
            if (!class_is_linked(shape) && is_ours(*entry)) continue;
            ours += is_ours(*entry);
            EXPECT_EQ(mistake_of(entry->make, shape, GetParam(), entry->zeros_in), "")
                << entry->name << ", " << to_text(shape);
        }
    }
    EXPECT_GE(ours, 3);
}

TEST_P(Peer, Im2colRunsOnSeveralThreads) {
    use_threads(2);
    EXPECT_EQ(mistake_of(make_im2col, {{3, 32, 9, 9}, 48, 3, 3, 1, {1, 1, 1, 1}}, GetParam()), "");
    use_threads(1);
}

// Of what is packed again the result is the same, and trials of `auto` are over before its turns.
TEST_P(Peer, OursPacksInEveryCallAndSettles) {
    const ConvShape shape = {{2, 64, 14, 14}, 32, 3, 3, 1, {1, 1, 1, 1}};
    if (!class_is_linked(shape)) GTEST_FAIL() << "no class for " << to_text(shape);
    pack_in_every_call(true);
    Problem problem(shape, GetParam(), 50);
    const auto implementation = make_sparsetrain(problem, Policy::automatic);
    pack_in_every_call(false);
    implementation->run();
    implementation->settle();
    problem.forget_result();
    implementation->run();
    EXPECT_EQ(problem.find_mistake(0), "");
}

TEST_P(Peer, WinogradKeepsToItsTolerance) {
    const ConvShape shape = {{2, 64, 14, 14}, 32, 3, 3, 1, {1, 1, 1, 1}};
    Problem problem(shape, GetParam(), 50);
    EXPECT_EQ(make_onednn(problem)->tolerance(), 0);
    EXPECT_EQ(make_im2col(problem)->tolerance(), 0);
    if (!onednn_has_winograd(shape, GetParam())) {
        EXPECT_ANY_THROW(make_onednn_winograd(problem));
        return;
    }
    EXPECT_EQ(mistake_of(make_onednn_winograd, shape, GetParam()), "");
    const double tolerance = make_onednn_winograd(problem)->tolerance();
    EXPECT_GT(tolerance, 0);
    EXPECT_LT(tolerance, 0.5);  // whoever adds a product too many is still found
}

INSTANTIATE_TEST_SUITE_P(Passes, Peer, testing::Values(Pass::fwd, Pass::bwd_data, Pass::bwd_weights),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

}  // namespace sparsetrain::bench
