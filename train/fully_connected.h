// A fully connected layer with bias.
#pragma once

#include "train/operator.h"
#include "train/random.h"

namespace sparsetrain::train {

// dst, [N][features][1][1], is a convolution of all of src with filters of its own height and width; so src
// needs no flattening, and weights have the master layout of such filters.
class FullyConnected : public Operator {
  public:
    // Uniform initial weights of variance 1 / inputs, which keeps logits small; bias zero. Throws
    // Error(invalid_argument) for sizes below 1.
    FullyConnected(std::string name, Shape src, int features, Random& random);

    Shape dst_shape() const override { return dst_.shape(); }
    Activation forward(std::span<const Activation> srcs, RunContext context) override;
    void backward(const Activation& diff_dst, std::span<Activation> diff_srcs, RunContext context) override;
    std::vector<Parameter> parameters() override;
    std::size_t bytes() const override;

  private:
    Weights weights_, diff_weights_, weights_momentum_;
    AlignedArray<float> bias_, diff_bias_, bias_momentum_;
    Tensor dst_, diff_src_;
    ConstTensorView src_;  // of the last forward
};

}  // namespace sparsetrain::train
