// How many threads calls run on.
#include <gtest/gtest.h>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "pools.h"
#include "process.h"
#include "sparsetrain/relu.h"

namespace sparsetrain::test {
namespace {

// Operators split into as many tasks as there may be; so does every convolution (pool_test).
class ThreadCount : public ::testing::Test {
  protected:
    void call(Workspace& workspace) { occupancy_mask(src_.view(), mask_.view(), workspace); }

    TestTensor src_{{4, 32, 60, 60}};
    TestMask mask_{src_.shape};
};

TEST_F(ThreadCount, IsThatOfEachCall) {
    CountingPool counting(run_on_new_threads);
    Workspace workspace(2, counting.parallel_for());
    for (const int threads : {2, 5, 3, 1, 4}) {
        workspace.set_threads(threads);
        EXPECT_EQ(workspace.threads(), threads);
        counting.most_tasks = 1;
        counting.calls = 0;
        call(workspace);
        EXPECT_EQ(counting.most_tasks, threads);
        EXPECT_EQ(counting.calls == 0, threads == 1) << "one thread needs no pool";
    }
}

TEST_F(ThreadCount, MayChangeBetweenPasses) {
    for (const LayerClassInfo& layer : layer_classes()) {
        const ConvProblem problem(shape_of(layer, {2, 33, 13, 15, 40, {1, 1, 1, 1}}), Values::integers, {50},
                                  1);
        const ConvReference reference(problem);
        const PackedWeights packed(problem.weights.view());
        for (const Policy policy : all_policies()) {
            const Conv2d plan(problem.shape, policy);
            Workspace workspace;
            for (const int threads : {1, 3, 2}) {
                workspace.set_threads(threads);
                expect_passes(problem, reference, plan, packed, workspace);
            }
        }
    }
}

TEST_F(ThreadCount, OutOfRangeIsRefused) {
    Workspace workspace(7);
    for (const int threads : {0, -1, 257}) {
        const std::string expected =
            "Workspace: threads: expected a count from 1 to 256, given " + std::to_string(threads);
        for (const bool construct : {true, false}) {
            try {
                construct ? static_cast<void>(Workspace(threads)) : workspace.set_threads(threads);
                ADD_FAILURE() << "no error";
            } catch (const Error& error) {
                EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
                EXPECT_EQ(error.what(), expected);
            }
        }
        EXPECT_EQ(workspace.threads(), 7);
    }
}

// The library's own threads: as many as the most that a call used, counting the caller's.
TEST_F(ThreadCount, IsNotExceededByTheLibrary) {
    const long before = process_threads();
    Workspace workspace(9);
    call(workspace);
    const long after = process_threads();
    EXPECT_GT(after, before);
    EXPECT_LE(after, before + 8);
    workspace.set_threads(2);
    call(workspace);
    EXPECT_LE(process_threads(), after);
}

}  // namespace
}  // namespace sparsetrain::test
