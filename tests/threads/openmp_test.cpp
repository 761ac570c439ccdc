// Calls from inside parallel regions of OpenMP do not multiply threads.
#include <gtest/gtest.h>
#include <omp.h>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "pools.h"
#include "process.h"

namespace sparsetrain::test {
namespace {

constexpr int kTeam = 3, kThreads = 4;

struct Problem : ConvProblem {
    explicit Problem(const LayerClassInfo& layer)
        : ConvProblem(shape_of(layer, {2, 33, 13, 15, 40, {1, 1, 1, 1}}), Values::integers, {50}, 1),
          reference(*this) {}

    void expect_right_results(Policy policy, const ParallelFor& pool) const {
        expect_all_passes(*this, reference, {policy, kThreads, MaskKind::none, true, pool});
    }

    ConvReference reference;
};

// Starts OpenMP's threads; how many the process then has.
long threads_with_team() {
#pragma omp parallel num_threads(kTeam)
    { EXPECT_EQ(omp_get_num_threads(), kTeam); }
    return process_threads();
}

// First, while the library has no threads yet.
TEST(InsideAParallelRegion, CallsRunOnTheirOwnThreadAlone) {
    const long threads = threads_with_team();
    for (const LayerClassInfo& layer : layer_classes()) {
        const Problem problem(layer);
        for (const Policy policy : all_policies()) {
#pragma omp parallel num_threads(kTeam)
            problem.expect_right_results(policy, {});
        }
    }
    EXPECT_LE(process_threads(), threads);
}

TEST(InsideAParallelRegion, APoolIsUsed) {
    const Problem problem(layer_classes().front());
#pragma omp parallel num_threads(kTeam)
    {
        CountingPool counting(run_on_new_threads);
        problem.expect_right_results(Policy::dense, counting.parallel_for());
        EXPECT_GT(counting.most_tasks, 1);
        EXPECT_LE(counting.most_tasks, kThreads);
    }
}

TEST(OpenMp, CanBeThePool) {
    const long threads = threads_with_team();
    const auto by_openmp = [](int tasks, const std::function<void(int)>& task) {
#pragma omp parallel for num_threads(tasks)
        for (int i = 0; i < tasks; ++i) task(i);
    };
    for (const LayerClassInfo& layer : layer_classes())
        for (const Policy policy : all_policies()) Problem(layer).expect_right_results(policy, by_openmp);
    EXPECT_LE(process_threads(), threads - kTeam + kThreads);
}

// Last: neither a region of one thread nor none keeps a call from using threads.
TEST(OutsideAParallelRegion, CallsUseTheirThreads) {
    const long threads = threads_with_team();
    const Problem problem(layer_classes().front());
#pragma omp parallel num_threads(1)
    problem.expect_right_results(Policy::dense, {});
    EXPECT_GT(process_threads(), threads);
}

}  // namespace
}  // namespace sparsetrain::test
