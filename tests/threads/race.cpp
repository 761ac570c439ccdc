// Two threads run a pass with one result between them, which is against the rules: race
// fwd|bwd_data|bwd_weights POLICY. ThreadSanitizer has to report it, or it would see nothing in other tests
// either.
#include <latch>
#include <string_view>
#include <thread>

#include "conv_problem.h"
#include "conv_shapes.h"

namespace {

using namespace sparsetrain;
using namespace sparsetrain::test;

void run_into_one_result(std::string_view pass, Policy policy) {
    const ConvProblem problem({{1, 32, 8, 8}, 32, 3, 3, 1, {1, 1, 1, 1}}, Values::integers, {50}, 1);
    const Conv2d plan(problem.shape, policy);
    Random random(1);
    const TestMask relu_mask = make_mask(problem.src, MaskKind::exact, random);
    const TestTensor dst(problem.shape.dst()), diff_src(problem.shape.src);
    const TestWeights diff_weights(problem.shape.weights());
    std::latch start(2);
    const auto run = [&] {
        const PackedWeights packed(problem.weights.view());
        Workspace workspace;
        start.arrive_and_wait();
        if (pass == "fwd") {
            plan.forward(problem.src.view(), packed, {}, dst.view(), workspace);
        } else if (pass == "bwd_data") {
            plan.backward_data(problem.diff_dst.view(), packed, diff_src.view(), workspace, relu_mask.view());
        } else {
            plan.backward_weights(problem.src.view(), problem.diff_dst_dense.view(), diff_weights.view(), {},
                                  workspace);
        }
    };
    std::thread other(run);
    run();
    other.join();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3) run_into_one_result(argv[1], policy_from_string(argv[2]));
}
