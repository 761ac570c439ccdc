// Small networks, and images for them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "train/network.h"
#include "train/operators/add_relu.h"
#include "train/operators/batch_norm.h"
#include "train/operators/concatenation.h"
#include "train/operators/dropout.h"
#include "train/operators/features.h"
#include "train/operators/pools.h"
#include "train/operators/shifted_convolution.h"

namespace sparsetrain::test {

inline constexpr train::ValueShape kImages{3, 9, 8};
inline constexpr int kBatch = 4, kClasses = 5;

inline train::Initial normal(float deviation) {
    return {train::Initial::Kind::normal, deviation};
}

// Adds operators whose first argument but the name is what they read.
template <typename Op, typename... More>
train::Value add(train::Graph& graph, const char* name, const train::Value& src, More&&... more) {
    return graph.add(std::make_unique<Op>(name, src, std::forward<More>(more)...), {src});
}

inline train::Value linear(train::Graph& graph, const train::Value& images,
                           train::ConvolutionOptions options) {
    const train::Value features = add<train::Features>(graph, "features", images);
    return add<train::Convolution>(graph, "fc", features, options, images.type.shape);
}

// Convolution, pool, convolution, linear: every operator's gradient feeds another's.
inline train::Graph small_graph(const train::KernelOptions& kernels) {
    using train::Convolution;
    train::Graph graph(kImages);
    train::Value value = add<Convolution>(
        graph, "conv1", graph.images(),
        train::ConvolutionOptions{
            .k = 20, .has_bias = true, .has_relu = true, .weights = normal(0.3F), .kernels = Policy::dense});
    value = add<train::MaxPool>(graph, "pool", value, PoolWindow{});
    value = add<Convolution>(
        graph, "conv2", value,
        train::ConvolutionOptions{
            .k = 24, .has_bias = true, .has_relu = true, .weights = normal(0.1F), .kernels = kernels});
    linear(graph, value, {.k = kClasses, .has_bias = true, .weights = normal(0.05F), .kernels = kernels});
    return graph;
}

// A residual block with batch normalisation and a downsampled shortcut, one of shifted convolutions with an
// identity, all pools, dropout: every operator, and every way that gradients meet.
train::Graph every_operator(const train::KernelOptions& kernels);

// As in U-Net, a value beside what became of it on a smaller image, and the images; then, as in DenseNet,
// values that are all rectified, each behind all before. Parts have other readers, too, and begin in any
// lane.
train::Graph concatenations(const train::KernelOptions& kernels);

struct Batch {
    std::vector<float> images;
    std::vector<std::int32_t> labels;

    train::StepTargets targets() const { return {.labels = labels}; }
};

inline Batch random_batch(int images = kBatch) {
    train::Random random(3);
    Batch batch;
    for (int i = 0; i < images * kImages.c * kImages.h * kImages.w; ++i)
        batch.images.push_back(random.symmetric(1));
    for (int n = 0; n < images; ++n) batch.labels.push_back(n % kClasses);
    return batch;
}

}  // namespace sparsetrain::test
