// Threads of the library that have nothing to do: they sleep, and a call wakes no more than it uses.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "process.h"
#include "sparsetrain/relu.h"
#include "test_data.h"

namespace sparsetrain::test {
namespace {

constexpr int kThreads = 48;

struct ThreadState {
    char letter = '?';  // of proc(5): R is runnable, S asleep
    long switches = 0;  // how often it was given a core
    bool operator==(const ThreadState&) const = default;
};

// By thread id, without the calling thread.
std::map<std::string, ThreadState> other_threads() {
    std::map<std::string, ThreadState> threads;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        if (task.path().filename() == std::to_string(getpid())) continue;
        std::ifstream status(task.path() / "status");
        ThreadState& state = threads[task.path().filename()];
        for (std::string key; status >> key;) {
            long count = 0;
            if (key == "State:") status >> state.letter;
            if (key.ends_with("voluntary_ctxt_switches:") && status >> count) state.switches += count;
        }
    }
    return threads;
}

// Once nothing changes any more.
std::map<std::string, ThreadState> settled_threads() {
    auto before = other_threads();
    for (int i = 0; i < 200; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        auto now = other_threads();
        if (now == before) return now;
        before = std::move(now);
    }
    ADD_FAILURE() << "threads do not come to rest";
    return before;
}

class IdleThreads : public ::testing::Test {
  protected:
    IdleThreads() {
        for (int i = 0; i < 20; ++i) call();
    }
    void call() { occupancy_mask(src_.view(), mask_.view(), workspace_); }

    TestTensor src_{{16, 64, 56, 56}};  // 196 tasks
    TestMask mask_{src_.shape};
    Workspace workspace_{kThreads};
};

TEST_F(IdleThreads, Sleep) {
    const auto threads = settled_threads();
    EXPECT_GE(threads.size(), kThreads - 1);  // a sanitizer may have one, too
    for (const auto& [id, state] : threads) EXPECT_EQ(state.letter, 'S') << id;
}

TEST_F(IdleThreads, AreNotWokenByCallsThatUseFewer) {
    const auto before = settled_threads();
    workspace_.set_threads(3);
    for (int i = 0; i < 300; ++i) call();
    int woken = 0;
    for (const auto& [id, state] : settled_threads()) woken += state.switches != before.at(id).switches;
    EXPECT_GE(woken, 1);
    // Two, and a few in whose place one that has not gone to sleep yet was expected.
    EXPECT_LT(woken, kThreads / 4);
}

}  // namespace
}  // namespace sparsetrain::test
