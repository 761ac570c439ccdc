// ReLU as an operator of its own, and the backward that it shares with operators that fuse it.
#pragma once

#include "train/operator.h"

namespace sparsetrain::train {

// Memory for the gradient behind a ReLU.
class ReluGradient {
  public:
    ReluGradient() = default;
    explicit ReluGradient(Shape shape) : diff_src_(shape), mask_(shape) {}

    // diff_dst where `relu_mask`, the mask of the ReLU's dst, has a bit; zero elsewhere. The result's mask
    // has the bits that both `relu_mask` and diff_dst's own mask have: after a max pool, which routes a
    // gradient to winners whether they are positive or not, that is tighter than either. A gradient that a
    // kernel has masked so already is the result.
    Activation compute(const Activation& diff_dst, ConstMaskView relu_mask, Workspace& workspace);
    std::size_t bytes() const { return bytes_of(diff_src_.values(), mask_.words()); }

  private:
    Tensor diff_src_;
    Mask mask_;
};

class Relu : public Operator {
  public:
    Relu(std::string name, Shape shape);

    Shape dst_shape() const override { return dst_.shape(); }
    Activation forward(std::span<const Activation> srcs, RunContext context) override;
    void backward(const Activation& diff_dst, std::span<Activation> diff_srcs, RunContext context) override;
    std::size_t bytes() const override { return bytes_of(dst_.values(), mask_.words()) + gradient_.bytes(); }

  private:
    Tensor dst_;
    Mask mask_;
    ReluGradient gradient_;
};

}  // namespace sparsetrain::train
