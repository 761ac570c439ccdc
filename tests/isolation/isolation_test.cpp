// A program with Halide code, a Halide runtime and handlers of its own beside the library: neither notices
// the other.
#include <HalideBuffer.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "conv_problem.h"
#include "conv_shapes.h"
#include "user_negate.h"

namespace sparsetrain::test {
namespace {

// What the user's handlers saw.
struct Calls {
    std::atomic<int> errors = 0, allocations = 0, frees = 0, loops = 0, prints = 0;
    int all() const { return errors + allocations + frees + loops + prints; }
};
Calls calls;

void user_error(void*, const char*) {
    ++calls.errors;
}
void user_print(void*, const char*) {
    ++calls.prints;
}
void* user_malloc(void*, std::size_t bytes) {
    ++calls.allocations;
    return std::aligned_alloc(128, (bytes + 127) / 128 * 128);
}
void user_free(void*, void* pointer) {
    ++calls.frees;
    std::free(pointer);
}
int user_par_for(void* context, halide_task_t task, int min, int size, std::uint8_t* closure) {
    ++calls.loops;
    for (int i = min; i < min + size; ++i) {
        if (const int code = task(context, i, closure); code != 0) return code;
    }
    return 0;
}

void install_user_handlers() {
    halide_set_error_handler(user_error);
    halide_set_custom_print(user_print);
    halide_set_custom_malloc(user_malloc);
    halide_set_custom_free(user_free);
    halide_set_custom_do_par_for(user_par_for);
}

void expect_users_pipeline_works() {
    const int allocations = calls.allocations, frees = calls.frees, loops = calls.loops;
    Halide::Runtime::Buffer<float> input(5, 4), output(5, 4);
    input.for_each_value([i = 0.0f](float& value) mutable { value = i++; });
    ASSERT_EQ(user_negate(input, output), 0);
    EXPECT_EQ(output(3, 2), -13);
    EXPECT_EQ(calls.allocations, allocations + 1);
    EXPECT_EQ(calls.frees, frees + 1);
    EXPECT_EQ(calls.loops, loops + 1);
}

// Every pass and kernel, with two threads, against the reference.
void expect_library_works() {
    for (const LayerClassInfo& layer : layer_classes()) {
        const ConvProblem problem(shape_of(layer, {2, 33, 14, 15, 40, {1, 1, 1, 1}}), Values::integers, {50},
                                  1);
        const ConvReference reference(problem);
        for (const Policy policy : all_policies())
            expect_all_passes(problem, reference, {policy, 2, MaskKind::none, true});
    }
}

class Isolation : public ::testing::Test {
  protected:
    Isolation() { install_user_handlers(); }
};

TEST_F(Isolation, TheLibraryLeavesUserHandlersAlone) {
    expect_library_works();
    expect_users_pipeline_works();
    const int before = calls.all();
    expect_library_works();
    EXPECT_EQ(calls.all(), before);
    EXPECT_EQ(halide_set_error_handler(user_error), user_error);
    EXPECT_EQ(halide_set_custom_print(user_print), user_print);
    EXPECT_EQ(halide_set_custom_malloc(user_malloc), user_malloc);
    EXPECT_EQ(halide_set_custom_free(user_free), user_free);
    EXPECT_EQ(halide_set_custom_do_par_for(user_par_for), user_par_for);
}

TEST_F(Isolation, UserErrorsReachTheUserOnly) {
    expect_library_works();
    const int errors = calls.errors;
    Halide::Runtime::Buffer<float> small(2, 2), output(5, 4);
    EXPECT_NE(user_negate(small, output), 0);
    EXPECT_EQ(calls.errors, errors + 1);
    expect_library_works();
    EXPECT_EQ(calls.errors, errors + 1);
}

TEST_F(Isolation, ThreadCountsAreSeparate) {
    halide_set_num_threads(3);
    expect_library_works();
    EXPECT_EQ(halide_set_num_threads(3), 3);
    expect_users_pipeline_works();
}

// The user's runtime may be shut down and come back without harm to a later call.
TEST_F(Isolation, TheLibrarySurvivesTheUsersShutdown) {
    expect_library_works();
    halide_shutdown_thread_pool();
    expect_library_works();
    expect_users_pipeline_works();
}

}  // namespace
}  // namespace sparsetrain::test
