// Workspaces with a pool of the caller's. Nothing in this program uses the library's own threads, so that it
// can expect that there never are any.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "class_and_policy.h"
#include "conv_problem.h"
#include "conv_shapes.h"
#include "pools.h"
#include "process.h"
#include "sparsetrain/layout.h"
#include "sparsetrain/relu.h"

namespace sparsetrain::test {
namespace {

constexpr int kThreads = 4;
// Fewer images than threads: loops nest.
constexpr Extents kExtents{2, 33, 13, 15, 40, {1, 1, 1, 1}};

class Pool : public ClassAndPolicyTest {
  protected:
    ConvShape shape() const { return shape_of(layer(), kExtents); }
};

void expect_right_results_by(const ParallelFor& pool, const ConvShape& shape, Policy policy) {
    const ConvProblem problem(shape, Values::integers, {50}, 1);
    const ConvReference reference(problem);
    expect_meaningful(problem, reference);
    CountingPool counting(pool);
    expect_all_passes(problem, reference, {policy, kThreads, MaskKind::none, true, counting.parallel_for()});
    EXPECT_GT(counting.calls, 0);
    EXPECT_GT(counting.most_tasks, 1);
    EXPECT_LE(counting.most_tasks, kThreads);
}

TEST_P(Pool, MayRunTasksOneAfterTheOtherInAnyOrder) {
    const long threads = process_threads();
    expect_right_results_by(
        [threads](int tasks, const std::function<void(int)>& task) {
            run_backwards(tasks, task);
            EXPECT_LE(process_threads(), threads);
        },
        shape(), policy());
}

TEST_P(Pool, MayRunEveryTaskOnAnotherThread) {
    expect_right_results_by(run_on_new_threads, shape(), policy());
}

// Throws in one of its calls, once its tasks have ended, or before they begin.
class ThrowingPool {
  public:
    struct Refusal : std::runtime_error {
        using std::runtime_error::runtime_error;
    };

    ParallelFor parallel_for() {
        return [this](int tasks, const std::function<void(int)>& task) {
            const int left = calls_left--;
            if (left == 0 && before_tasks) throw Refusal("no threads");
            run_on_new_threads(tasks, task);
            if (left == 0) throw Refusal("no more threads");
        };
    }

    std::atomic<int> calls_left = -1;  // negative: throws no more
    bool before_tasks = false;
};

// Runs `call`, which has to throw what the pool does, with every one of the pool's calls throwing in turn;
// returns how many there were.
template <typename Call>
int expect_every_throw_to_arrive(ThrowingPool& pool, const Call& call) {
    for (int failing = 0;; ++failing) {
        pool.calls_left = failing;
        try {
            call();
            EXPECT_GE(pool.calls_left, 0) << "pool call " << failing << " threw, the library's did not";
            return failing;
        } catch (const ThrowingPool::Refusal&) {
        }
    }
}

TEST_P(Pool, ThrowsThroughTheCallWhichWorksAfterwards) {
    const ConvProblem problem(shape(), Values::integers, {50}, 2);
    const ConvReference reference(problem);
    const Conv2d plan(problem.shape, policy());
    const PackedWeights packed(problem.weights.view());
    Random random(1);
    const TestMask relu_mask = make_mask(problem.src, MaskKind::exact, random);
    TestTensor dst(problem.shape.dst()), diff_src(problem.shape.src);
    TestWeights diff_weights(problem.shape.weights());
    ThrowingPool pool;
    Workspace workspace(kThreads, pool.parallel_for());
    const auto forward = [&] { plan.forward(problem.src.view(), packed, {}, dst.view(), workspace); };
    const auto backward_data = [&] {
        plan.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace, relu_mask.view());
    };
    const auto backward_weights = [&] {
        plan.backward_weights(problem.src.view(), problem.diff_dst_dense.view(), diff_weights.view(), {},
                              workspace);
    };
    for (const bool before_tasks : {true, false}) {
        pool.before_tasks = before_tasks;
        EXPECT_GT(expect_every_throw_to_arrive(pool, forward), 0);
        if (layer_of(problem.shape).backward_data) {
            EXPECT_GT(expect_every_throw_to_arrive(pool, backward_data), 0);
        }
        EXPECT_GT(expect_every_throw_to_arrive(pool, backward_weights), 0);
        pool.calls_left = -1;
        expect_passes(problem, reference, plan, packed, workspace);
    }
}

// As a pool does that finds other work of the caller's for a thread that waits: here a pass with the same
// weights, which have not been packed yet.
TEST_P(Pool, MayComeBackForTheSameWeightsWhileACallWaits) {
    const ConvProblem problem(shape(), Values::integers, {50}, 3);
    const ConvReference reference(problem);
    const Conv2d plan(problem.shape, policy());
    const PackedWeights packed(problem.weights.view());
    Workspace other(kThreads, run_backwards);
    int calls = 0;
    Workspace workspace(kThreads, [&](int tasks, const std::function<void(int)>& task) {
        if (calls++ == 0) expect_passes(problem, reference, plan, packed, other);
        run_backwards(tasks, task);
    });
    expect_passes(problem, reference, plan, packed, workspace);
    EXPECT_GT(calls, 1);
}

// Weights that changed are packed by the pool, too: channels enough for several groups and chunks.
TEST_P(Pool, PacksWeights) {
    const ConvProblem problem(shape_of(layer(), {2, 160, 5, 6, 160, {1, 1, 1, 1}}), Values::integers, {50},
                              3);
    const Conv2d plan(problem.shape, policy(), Choice::tables);
    PackedWeights packed(problem.weights.view());
    TestTensor diff_src(problem.shape.src);
    Random random(1);
    const TestMask relu_mask = make_mask(problem.src, MaskKind::exact, random);
    CountingPool pool(run_backwards);
    Workspace workspace(kThreads, pool.parallel_for());
    const auto calls_of_a_pass = [&] {
        pool.calls = 0;
        plan.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace, relu_mask.view());
        return pool.calls.load();
    };
    if (!layer().backward_data) return;  // the weights of a first convolution are read as they are
    const int with_packing = calls_of_a_pass(), without = calls_of_a_pass();
    EXPECT_GT(with_packing, without);
    packed.mark_changed();
    EXPECT_EQ(calls_of_a_pass(), with_packing);
}

INSTANTIATE_TEST_SUITE_P(Classes, Pool, every_class_and_policy(), name_of_class_and_policy);

// Beside convolutions.
TEST(PoolOfOperators, RunsThem) {
    Random random(4);
    const TestTensor src = make_tensor({4, 32, 60, 60}, Values::integers, {50}, random);
    TestTensor relu(src.shape), again(src.shape);
    TestMask mask(src.shape);
    CountingPool counting(run_on_new_threads);
    Workspace workspace(kThreads, counting.parallel_for());
    const auto expect_use = [&](const char* function) {
        EXPECT_GT(counting.calls, 0) << function;
        counting.calls = 0;
    };
    occupancy_mask(src.view(), mask.view(), workspace);
    expect_use("occupancy_mask");
    EXPECT_TRUE(marks_nonzeros_of(src, mask));
    relu_forward(src.view(), relu.view(), mask.view(), workspace);
    expect_use("relu_forward");
    relu_backward(relu.view(), mask.view(), again.view(), workspace);
    expect_use("relu_backward");
    EXPECT_TRUE(same_bits(relu.memory.values(), again.memory.values()));
    std::vector<float> plain(src.memory.size());
    nchw16c_to_nchw(relu.view(), plain.data(), workspace);
    expect_use("nchw16c_to_nchw");
    nchw_to_nchw16c(plain.data(), again.view(), workspace);
    expect_use("nchw_to_nchw16c");
    EXPECT_TRUE(same_bits(relu.memory.values(), again.memory.values()));
}

TEST(PoolThatRunsNothing, IsRefused) {
    const TestTensor src({4, 32, 60, 60});
    TestMask mask(src.shape);
    Workspace workspace(kThreads, [](int, const std::function<void(int)>&) {});
    try {
        occupancy_mask(src.view(), mask.view(), workspace);
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        EXPECT_STREQ(error.what(),
                     "Workspace: pool: expected it to run 4 tasks, given one that returned without having "
                     "run any");
    }
}

}  // namespace
}  // namespace sparsetrain::test
