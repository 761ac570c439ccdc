// The ready pool, in a program with OpenMP.
#include <omp.h>

#include <atomic>
#include <thread>
#include <vector>

#include "c_support.h"

namespace sparsetrain::test {
namespace {

struct Seen {
    std::vector<std::atomic<int>> times;
    std::atomic<int> largest_team = 0;
    explicit Seen(int tasks) : times(static_cast<std::size_t>(tasks)) {}
};

void note(void* data, int task) {
    Seen& seen = *static_cast<Seen*>(data);
    ++seen.times[static_cast<std::size_t>(task)];
    int largest = seen.largest_team;
    while (omp_get_num_threads() > largest &&
           !seen.largest_team.compare_exchange_weak(largest, omp_get_num_threads())) {
    }
}

int team_that_runs(int tasks) {
    Seen seen(tasks);
    EXPECT_EQ(sparsetrain_openmp_parallel_for(nullptr, tasks, note, &seen), 0);
    for (const auto& times : seen.times) EXPECT_EQ(times, 1);
    return seen.largest_team;
}

TEST(COpenMpTest, EveryTaskRunsOnceWhateverTheTeam) {
    ASSERT_EQ(sparsetrain_has_openmp(), 1);
    omp_set_dynamic(0);
    for (const int team : {1, 2, 5}) {
        omp_set_num_threads(team);
        for (const int tasks : {1, 2, 3, 7}) EXPECT_EQ(team_that_runs(tasks), team);
    }
}

TEST(COpenMpTest, InsideARegionATeamIsOneThread) {
    omp_set_max_active_levels(1);
#pragma omp parallel num_threads(2)
    EXPECT_EQ(team_that_runs(3), 1);
}

TEST(COpenMpTest, CallsRunOnItsThreads) {
    constexpr Shape kShape{4, 64, 32, 32};
    const sparsetrain_shape shape = to_c(kShape);
    const Tensor a = filled(kShape, 1), b = filled(kShape, 2);
    Tensor expected(kShape), given(kShape);
    const CWorkspace alone = make_workspace(1);
    ASSERT_DONE(sparsetrain_add_gradients(&shape, a.view().data, b.view().data, nullptr, expected.view().data,
                                          alone.get()));
    for (const int team : {1, 2, 3}) {
        omp_set_num_threads(team);
        const CWorkspace workspace = make_workspace(4, sparsetrain_openmp_parallel_for);
        ASSERT_DONE(sparsetrain_add_gradients(&shape, a.view().data, b.view().data, nullptr,
                                              given.view().data, workspace.get()));
        EXPECT_TRUE(same(expected, given));
    }
}

}  // namespace
}  // namespace sparsetrain::test
