// What a call takes of its thread's stack, which callers may have made small.
#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>

#include "class_and_policy.h"
#include "sparsetrain/conv2d.h"
#include "sparsetrain/relu.h"

namespace sparsetrain::test {
namespace {

constexpr std::size_t kStackBytes = std::size_t{1} << 20;
constexpr unsigned char kPaint = 0xA5;

// Bytes of a painted stack that a thread which does `work` has written to.
std::size_t stack_bytes_of(const std::function<void()>& work) {
    auto* const stack = static_cast<unsigned char*>(std::aligned_alloc(4096, kStackBytes));
    std::fill_n(stack, kStackBytes, kPaint);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    EXPECT_EQ(pthread_attr_setstack(&attributes, stack, kStackBytes), 0);
    const auto call = [](void* argument) -> void* {
        (*static_cast<const std::function<void()>*>(argument))();
        return nullptr;
    };
    pthread_t thread;
    EXPECT_EQ(pthread_create(&thread, &attributes, call, const_cast<std::function<void()>*>(&work)), 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
    // It grows downwards.
    const auto* const deepest =
        std::find_if(stack, stack + kStackBytes, [](unsigned char b) { return b != kPaint; });
    const auto used = static_cast<std::size_t>(stack + kStackBytes - deepest);
    std::free(stack);
    return used;
}

class Stack : public ClassAndPolicyTest {};

TEST_P(Stack, OfACallIsSmall) {
    const ConvShape shape{{2, 64, 20, 20}, 64, layer().filter_h, layer().filter_w, layer().stride, {}};
    const Conv2d conv(shape, policy());
    Tensor src(shape.src), diff_src(shape.src), dst(shape.dst());
    Weights weights(shape.weights()), diff_weights(shape.weights());
    for (std::size_t i = 0; i < src.values().size(); i += 3) src.values()[i] = 1;
    for (float& weight : weights.values()) weight = 1;
    Mask mask(shape.src);
    const PackedWeights packed(weights.view());
    Workspace workspace;
    const auto step = [&] {
        occupancy_mask(src.view(), mask.view(), workspace);
        conv.forward(src.view(), packed, {}, dst.view(), workspace);
        conv.backward_weights(src.view(), dst.view(), diff_weights.view(), {}, workspace);
        if (layer().backward_data)
            conv.backward_data(dst.view(), packed, diff_src.view(), workspace, mask.view());
    };
    step();  // what happens once, as the choice of kernels for the CPU
    const std::size_t nothing = stack_bytes_of([] {});
    constexpr std::size_t kMost = 32 * 1024;
    EXPECT_LE(stack_bytes_of(step), nothing + kMost);
}

INSTANTIATE_TEST_SUITE_P(Classes, Stack, every_class_and_policy(), name_of_class_and_policy);

}  // namespace
}  // namespace sparsetrain::test
