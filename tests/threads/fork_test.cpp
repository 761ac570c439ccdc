// Children of fork() compute, whatever other threads of their parent were at, and processes end.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include "conv_problem.h"
#include "conv_shapes.h"

namespace sparsetrain::test {
namespace {

constexpr int kThreads = 3;
constexpr int kRight = 42;  // no exit status by accident

// What `in_child` returns in a child of this process, or the signal that killed it: SIGALRM if it hung.
int status_of_child(const std::function<int()>& in_child) {
    constexpr unsigned kSeconds = 60;
    const pid_t child = fork();
    if (child == 0) {
        alarm(kSeconds);
        _exit(in_child());
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// A layer whose weights are packed anew in every step.
struct Layer {
    explicit Layer(unsigned seed)
        : problem(shape_of(classes_with(&LayerClassInfo::backward_data).front(),
                           {4, 32, 14, 14, 48, {1, 1, 1, 1}}),
                  Values::integers, {60}, seed),
          packed(problem.weights.view()),
          dst(problem.shape.dst()),
          diff_src(problem.shape.src),
          diff_weights(problem.shape.weights()) {}

    void step(Workspace& workspace) {
        packed.mark_changed();
        plan.forward(problem.src.view(), packed, {}, dst.view(), workspace);
        plan.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace);
        plan.backward_weights(problem.src.view(), problem.diff_dst.view(), diff_weights.view(), {},
                              workspace);
    }
    // kRight if they are.
    int check_results() {
        Workspace fresh(kThreads);
        step(fresh);
        const bool right =
            matches(reference.forward(false), dst, kExact) && matches(reference.diff_src, diff_src, kExact);
        return right ? kRight : 1;
    }

    ConvProblem problem;
    ConvReference reference{problem};
    Conv2d plan{problem.shape, Policy::zero_skip};
    PackedWeights packed;
    TestTensor dst, diff_src;
    TestWeights diff_weights;
};

class WhileAnotherThreadComputes : public ::testing::Test {
  protected:
    ~WhileAnotherThreadComputes() override {
        stop_ = true;
        trainer_.join();
    }

    // Whose calls are cut off at another place for every child.
    static void wait_a_little(int i) {
        std::this_thread::sleep_for(std::chrono::microseconds(300 + 137 * i % 1500));
    }

    Layer mine_{1}, theirs_{2};

  private:
    std::atomic<bool> stop_ = false;
    std::thread trainer_{[this] {
        Workspace workspace(kThreads);
        while (!stop_) theirs_.step(workspace);
    }};
};

TEST_F(WhileAnotherThreadComputes, ChildrenComputeToo) {
    for (int i = 0; i < 60; ++i) {
        wait_a_little(i);
        ASSERT_EQ(status_of_child([this] { return mine_.check_results(); }), kRight) << "child " << i;
    }
}

// Which the thread may have been packing, under their lock.
TEST_F(WhileAnotherThreadComputes, ChildrenMayUseTheSameWeights) {
    for (int i = 0; i < 60; ++i) {
        wait_a_little(i);
        ASSERT_EQ(status_of_child([this] { return theirs_.check_results(); }), kRight) << "child " << i;
    }
}

TEST_F(WhileAnotherThreadComputes, ChildrenOfChildrenComputeAndEnd) {
    for (int i = 0; i < 10; ++i) {
        wait_a_little(i);
        const int status = status_of_child([this] {
            if (mine_.check_results() != kRight) return 1;
            return status_of_child([this] {
                if (mine_.check_results() == kRight)
                    std::exit(kRight);  // runs what ends the library's threads
                return 1;
            });
        });
        ASSERT_EQ(status, kRight) << "child " << i;
    }
}

// A process that ends while a thread of it computes.
TEST(Exit, MayComeAtAnyTime) {
    for (int i = 0; i < 20; ++i) {
        const int status = status_of_child([i]() -> int {
            std::thread([] {
                Layer layer(3);
                Workspace workspace(kThreads);
                for (;;) layer.step(workspace);
            }).detach();
            std::this_thread::sleep_for(std::chrono::microseconds(2000 + 400 * i));
            std::exit(kRight);
        });
        ASSERT_EQ(status, kRight) << "child " << i;
    }
}

}  // namespace
}  // namespace sparsetrain::test
