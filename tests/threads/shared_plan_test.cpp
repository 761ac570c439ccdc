// One plan and one set of packed weights, used by many threads at one time.
#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <vector>

#include "class_and_policy.h"
#include "conv_problem.h"
#include "conv_shapes.h"
#include "pools.h"

namespace sparsetrain::test {
namespace {

constexpr int kCallers = 4, kRounds = 3, kThreads = 2;

class SharedPlan : public ClassAndPolicyTest {};

// Each with its own Workspace, the library's threads behind some and a pool of the caller's behind others.
// Packings are made by whichever thread comes first.
TEST_P(SharedPlan, ServesThreadsWithTheirOwnWorkspaces) {
    const ConvProblem problem(shape_of(layer(), {2, 33, 13, 15, 40, {1, 1, 1, 1}}), Values::integers, {50},
                              10);
    const ConvReference reference(problem);
    const Conv2d plan(problem.shape, policy());
    PackedWeights packed(problem.weights.view());
    for (int round = 0; round < kRounds; ++round) {
        packed.mark_changed();
        std::latch start(kCallers);
        std::vector<std::thread> callers;
        for (int caller = 0; caller < kCallers; ++caller) {
            callers.emplace_back([&, caller] {
                Workspace workspace(kThreads, caller % 2 == 0 ? ParallelFor() : run_on_new_threads);
                start.arrive_and_wait();
                for (int call = 0; call < 2; ++call)
                    expect_passes(problem, reference, plan, packed, workspace);
            });
        }
        for (std::thread& caller : callers) caller.join();
    }
}

INSTANTIATE_TEST_SUITE_P(Classes, SharedPlan, every_class_and_policy(), name_of_class_and_policy);

}  // namespace
}  // namespace sparsetrain::test
