// What descriptions of networks are written with.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "train/models/models.h"
#include "train/operators/add_relu.h"
#include "train/operators/batch_norm.h"
#include "train/operators/concatenation.h"
#include "train/operators/features.h"
#include "train/operators/pools.h"

namespace sparsetrain::train {

// Throws Error(invalid_argument), as Model says.
void check_image_size(const char* model, int given, int least);

class Builder {
  public:
    explicit Builder(const ModelOptions& options)
        : options_(options), graph_({options.channels, options.image_size, options.image_size}) {}

    Value images() const { return graph_.images(); }

    template <typename Op, typename... Arguments>
    Value add(const std::vector<Value>& srcs, Arguments&&... arguments) {
        return graph_.add(std::make_unique<Op>(std::forward<Arguments>(arguments)...), srcs);
    }

    // Those of the options; the first convolution of a network runs dense, as images have no zeros.
    KernelOptions kernels_for(const Value& src) const {
        return src.id == 0 ? KernelOptions(Policy::dense) : options_.kernels;
    }

    Value convolution(const std::string& name, const Value& src, ConvolutionOptions conv) {
        conv.kernels = kernels_for(src);
        return add<Convolution>({src}, name, src, conv);
    }
    Value norm(const std::string& name, const Value& src) {
        return add<BatchNormalisation>({src}, name, src, false);
    }
    Value norm_relu(const std::string& name, const Value& src) {
        return add<BatchNormalisation>({src}, name, src, true);
    }
    Value norm_add_relu(const std::string& name, const Value& src, const Value& addend) {
        return add<BatchNormalisation>({src, addend}, name, src, addend);
    }
    Value concatenation(const std::string& name, const std::vector<Value>& parts) {
        return add<Concatenation>(parts, name, parts);
    }
    Value max_pool(const std::string& name, const Value& src, const PoolWindow& window) {
        return add<MaxPool>({src}, name, src, window);
    }
    Value global_average(const std::string& name, const Value& src) {
        return add<GlobalAveragePool>({src}, name, src);
    }

    // A linear layer of images or features: a Convolution, or what `Op` is and takes more.
    template <typename Op = Convolution, typename... More>
    Value linear(const std::string& name, const Value& src, ConvolutionOptions linear, More&&... more) {
        linear.kernels = options_.kernels;
        const ValueShape& shape = src.type.shape;
        if (shape.images_are_pixels)
            return add<Op>({src}, name, src, linear, std::forward<More>(more)..., ValueShape{shape.c, 1, 1});
        const Value features = add<Features>({src}, name + ".features", src);
        return add<Op>({features}, name, features, linear, std::forward<More>(more)..., shape);
    }

    Graph finish() && { return std::move(graph_); }

  private:
    ModelOptions options_;
    Graph graph_;
};

// Normal, of the deviation that keeps the variance of gradients through ReLUs: of K filters of `size` x
// `size` (He et al., mode fan_out).
inline Initial he_fan_out(int k, int size) {
    return {Initial::Kind::normal, std::sqrt(2.0F / static_cast<float>(k * size * size))};
}

// As PyTorch's linear layers and convolutions begin unless told otherwise, weights and biases.
inline Initial uniform_of(int inputs) {
    return {Initial::Kind::uniform, 1 / std::sqrt(static_cast<float>(inputs))};
}

}  // namespace sparsetrain::train
