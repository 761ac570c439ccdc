// Pools that C callers hand over, and the one for OpenMP where there is none.
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <vector>

#include "c_support.h"
#include "sparsetrain/join.h"

namespace sparsetrain::test {
namespace {

struct Calls {
    std::atomic<int> calls = 0, most_tasks = 0;
    int result = 0;  // what the pool is to return
};

int run_in_turn(void* pool, int tasks, sparsetrain_task task, void* data) {
    Calls& calls = *static_cast<Calls*>(pool);
    ++calls.calls;
    calls.most_tasks = std::max(calls.most_tasks.load(), tasks);
    for (int i = tasks - 1; i >= 0; --i) task(data, i);
    return calls.result;
}

struct OneTask {
    sparsetrain_task task;
    void* data;
    int index;
};
void* run_one(void* argument) {
    const OneTask& one = *static_cast<const OneTask*>(argument);
    one.task(one.data, one.index);
    return nullptr;
}
int run_on_threads(void* /*pool*/, int tasks, sparsetrain_task task, void* data) {
    std::vector<OneTask> all;
    for (int i = 0; i < tasks; ++i) all.push_back({task, data, i});
    std::vector<pthread_t> threads(all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
        if (pthread_create(&threads[i], nullptr, run_one, &all[i]) != 0) return 1;
    for (const pthread_t thread : threads) pthread_join(thread, nullptr);
    return 0;
}

int refuse(void* /*pool*/, int /*tasks*/, sparsetrain_task /*task*/, void* /*data*/) {
    return 0;
}

int throw_error(void* /*pool*/, int /*tasks*/, sparsetrain_task /*task*/, void* /*data*/) {
    throw std::runtime_error("no threads left");
}

class ThreadsTest : public testing::Test {
  protected:
    // Large enough for several tasks.
    const Shape shape{4, 64, 32, 32};
    const sparsetrain_shape c_shape = to_c(shape);
    const Tensor a = filled(shape, 1), b = filled(shape, 2);
    Tensor expected{shape}, given{shape};

    ThreadsTest() {
        Workspace workspace(1);
        add_gradients(a.view(), b.view(), {}, expected.view(), workspace);
    }
    sparsetrain_status add(const CWorkspace& workspace) {
        return sparsetrain_add_gradients(&c_shape, a.view().data, b.view().data, nullptr, given.view().data,
                                         workspace.get());
    }
};

TEST_F(ThreadsTest, APoolMayRunTasksInTurn) {
    Calls calls;
    const CWorkspace workspace = make_workspace(3, run_in_turn, &calls);
    ASSERT_DONE(add(workspace));
    EXPECT_TRUE(same(expected, given));
    EXPECT_GT(calls.calls, 0);
    EXPECT_EQ(calls.most_tasks, 3);
}

TEST_F(ThreadsTest, APoolMayRunTasksOnThreads) {
    const CWorkspace workspace = make_workspace(4, run_on_threads);
    ASSERT_DONE(add(workspace));
    EXPECT_TRUE(same(expected, given));
}

TEST_F(ThreadsTest, APoolIsNotCalledForOneThread) {
    Calls calls;
    const CWorkspace workspace = make_workspace(3, run_in_turn, &calls);
    ASSERT_DONE(sparsetrain_workspace_set_threads(workspace.get(), 1));
    ASSERT_DONE(add(workspace));
    EXPECT_TRUE(same(expected, given));
    EXPECT_EQ(calls.calls, 0);
}

TEST_F(ThreadsTest, APoolThatFailsFailsTheCallAlone) {
    Calls calls;
    calls.result = 7;
    const CWorkspace workspace = make_workspace(2, run_in_turn, &calls);
    expect_failure(SPARSETRAIN_INTERNAL, add(workspace), "pool", "expected 0", "given 7");
    calls.result = 0;
    ASSERT_DONE(add(workspace));
    EXPECT_TRUE(same(expected, given));
}

TEST_F(ThreadsTest, APoolThatRunsNothingIsNoticed) {
    const CWorkspace workspace = make_workspace(2, refuse);
    expect_failure(SPARSETRAIN_INVALID_ARGUMENT, add(workspace), "pool", "2 tasks", "without having run any");
}

// It may not; but what a pool in C++ throws nevertheless stays inside.
TEST_F(ThreadsTest, WhatAPoolThrowsBecomesACode) {
    const CWorkspace workspace = make_workspace(2, throw_error);
    expect_failure(SPARSETRAIN_INTERNAL, add(workspace), "sparsetrain_add_gradients", "no threads left");
}

TEST_F(ThreadsTest, WithoutAnOpenMpRuntimeItsPoolFails) {
    EXPECT_EQ(sparsetrain_has_openmp(), 0);
    const CWorkspace workspace = make_workspace(2, sparsetrain_openmp_parallel_for);
    expect_failure(SPARSETRAIN_INTERNAL, add(workspace), "pool", "given 1");
}

}  // namespace
}  // namespace sparsetrain::test
