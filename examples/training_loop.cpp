// Training by hand: two convolutions with ReLU, squared error and SGD on made-up images, whose stripes run
// along y or, in every other image, along x. It fails if the loss does not fall.
#include <cmath>
#include <cstdio>
#include <random>

#include "sparsetrain/conv2d.h"
#include "sparsetrain/relu.h"

using namespace sparsetrain;

constexpr int kBatch = 16, kSize = 14, kChannels = 32, kSteps = 40, kPixels = kSize * kSize;
constexpr float kRate = 0.1f;

struct Layer {
    Layer(int c, std::mt19937& random) : conv({{kBatch, c, kSize, kSize}, kChannels, 3, 3, 1, {1, 1, 1, 1}}) {
        std::normal_distribution<float> value(0, std::sqrt(2.0f / static_cast<float>(9 * c)));
        for (int i = 0; i < kChannels * c * 9; ++i)  // lanes that pad c to 16 stay zero
            weights.at(i / 9 / c, i / 9 % c, i / 3 % 3, i % 3) = value(random);
    }
    void descend() {
        for (std::size_t i = 0; i < weights.values().size(); ++i)
            weights.values()[i] -= kRate * diff_weights.values()[i];
        packed.mark_changed();
    }
    Conv2d conv;
    Weights weights{conv.shape().weights()}, diff_weights{conv.shape().weights()};
    PackedWeights packed{weights.view()};
    Tensor dst{conv.shape().dst()}, diff_dst{conv.shape().dst()};
    Mask mask{conv.shape().dst()};  // of dst, and so of diff_dst
};

// The loss where even channels vote for one kind of image and odd ones for the other, and its gradient.
static float squared_error(const Tensor& dst, Tensor& diff_dst) {
    float loss = 0;
    for (int n = 0; n < kBatch; ++n) {
        const int begin = n * kChannels * kPixels, end = begin + kChannels * kPixels;
        float error = n % 2 == 0 ? -1 : 1;
        for (int i = begin; i < end; ++i)
            error += (i % 2 == 0 ? 0.1f : -0.1f) / kPixels * dst.values().data()[i];
        for (int i = begin; i < end; ++i)
            diff_dst.values().data()[i] = (i % 2 == 0 ? 0.2f : -0.2f) / (kPixels * kBatch) * error;
        loss += error * error / kBatch;
    }
    return loss;
}

int main() {
    std::mt19937 random(1);
    std::normal_distribution<float> noise(0, 0.3f);
    Layer first(1, random), second(kChannels, random);
    Tensor src(first.conv.shape().src), diff_relu(second.dst.shape());
    Workspace workspace;
    float first_loss = 0, loss = 0;
    for (int step = 0; step < kSteps; ++step) {
        for (int i = 0; i < kBatch * kPixels; ++i) {
            const int stripe = i / kPixels % 2 == 0 ? i % kSize : i / kSize % kSize;
            src.values().data()[i * kLanes] = static_cast<float>(stripe % 2) + noise(random);
        }
        const SparseInput hidden(first.dst.view(), first.mask.view());
        first.conv.forward_relu(src.view(), first.packed, {}, first.dst.view(), first.mask.view(), workspace);
        second.conv.forward_relu(hidden, second.packed, {}, second.dst.view(), second.mask.view(), workspace);
        loss = squared_error(second.dst, diff_relu);
        if (step == 0) first_loss = loss;
        if (step % 10 == 0) std::printf("step %2d: loss %.4f\n", step, static_cast<double>(loss));

        const SparseInput diff_second(second.diff_dst.view(), second.mask.view());
        const SparseInput diff_first(first.diff_dst.view(), first.mask.view());
        relu_backward(diff_relu.view(), second.mask.view(), second.diff_dst.view(), workspace);
        second.conv.backward_weights(hidden, diff_second, second.diff_weights.view(), {}, workspace);
        // Given the mask of the ReLU before it, the result has that ReLU's backward applied.
        second.conv.backward_data(diff_second, second.packed, first.diff_dst.view(), workspace,
                                  first.mask.view());
        first.conv.backward_weights(src.view(), diff_first, first.diff_weights.view(), {}, workspace);
        first.descend();
        second.descend();
    }
    std::printf("last:    loss %.4f\n", static_cast<double>(loss));
    return loss < first_loss / 2 ? 0 : 1;
}
