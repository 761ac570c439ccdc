// A ReLU network's convolution, forwards and backwards. It prints which kernels ran and what they saw.
#include <cstdio>

#include "sparsetrain/conv2d.h"
#include "sparsetrain/relu.h"

static void print_run(const sparsetrain::RunStatistics& run) {
    std::printf("%-11s %-9s %5.1f %% zeros\n", to_string(run.pass), to_string(run.kernel), run.zeros);
}

template <typename Values>
static void fill(Values& values, float low, float high) {
    unsigned state = 1;
    for (float& value : values) {
        state = state * 1664525u + 1013904223u;
        value = low + (high - low) * static_cast<float>(state >> 8) * 0x1p-24f;
    }
}

// README begin
int main() {
    using namespace sparsetrain;
    const ConvShape shape{.src = {8, 64, 28, 28}, .k = 128, .padding = {1, 1, 1, 1}};
    const Conv2d conv(shape);  // policy "auto": picks a kernel per call, from the zeros it sees
    Workspace workspace(2);    // two threads

    Tensor src(shape.src), diff_src(shape.src);
    Tensor dst(shape.dst()), diff_relu(shape.dst()), diff_dst(shape.dst());
    Mask dst_mask(shape.dst());
    Weights weights(shape.weights()), diff_weights(shape.weights());
    fill(src.values(), -1, 1);  // whole blocks of 16 channels: no padding lanes to keep zero
    fill(weights.values(), -1, 1);
    fill(diff_relu.values(), -1, 1);

    const PackedWeights packed(weights.view());
    print_run(conv.forward_relu(src.view(), packed, {}, dst.view(), dst_mask.view(), workspace));
    relu_backward(diff_relu.view(), dst_mask.view(), diff_dst.view(), workspace);
    print_run(conv.backward_data({diff_dst.view(), dst_mask.view()}, packed, diff_src.view(), workspace));
    print_run(conv.backward_weights(src.view(), {diff_dst.view(), dst_mask.view()}, diff_weights.view(), {},
                                    workspace));
}
// README end
