// Pools as a caller may hand them over.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "sparsetrain/workspace.h"

namespace sparsetrain::test {

// The last task first, all on the calling thread.
inline void run_backwards(int tasks, const std::function<void(int)>& task) {
    for (int i = tasks - 1; i >= 0; --i) task(i);
}

// Every task on a thread of its own; the calling one only waits.
inline void run_on_new_threads(int tasks, const std::function<void(int)>& task) {
    std::vector<std::thread> threads;
    for (int i = 0; i < tasks; ++i) threads.emplace_back(task, i);
    for (std::thread& thread : threads) thread.join();
}

// Counts what `pool` is asked for.
class CountingPool {
  public:
    explicit CountingPool(ParallelFor pool) : pool_(std::move(pool)) {}

    ParallelFor parallel_for() {
        return [this](int tasks, const std::function<void(int)>& task) {
            ++calls;
            add_busy(tasks - 1);  // while it waits, the task that called is none
            pool_(tasks, task);
            busy_ -= tasks - 1;
        };
    }

    std::atomic<int> calls = 0;
    std::atomic<int> most_tasks = 1;  // at one time

  private:
    void add_busy(int tasks) {
        const int busy = busy_ += tasks;
        int most = most_tasks;
        while (busy > most && !most_tasks.compare_exchange_weak(most, busy)) {
        }
    }

    ParallelFor pool_;
    std::atomic<int> busy_ = 1;  // the caller's thread
};

}  // namespace sparsetrain::test
