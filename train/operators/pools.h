// Pools.
#pragma once

#include "sparsetrain/pool.h"
#include "train/operator.h"

namespace sparsetrain::train {

class MaxPool : public Operator {
  public:
    // Throws Error(invalid_argument) for a window that src does not have.
    MaxPool(const std::string& name, const Value& src, const PoolWindow& window);

    Work work() const override { return Work::pool; }
    // Which pixel of each window won.
    std::size_t saved_bytes(int images) const override { return result().shape.of(images).elements(); }
    GradientType gradient_type(int /*src*/) const override {
        return {.zeros = GradientType::Zeros::own_mask};
    }
    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& call) override;

  private:
    PoolWindow window_;
};

// To images of `height` x `width`, whatever those of src are.
class AdaptiveAveragePool : public Operator {
  public:
    AdaptiveAveragePool(const std::string& name, const Value& src, int height, int width);

    Work work() const override { return Work::pool; }
    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& call) override;
};

// The mean of every channel.
class GlobalAveragePool : public Operator {
  public:
    GlobalAveragePool(const std::string& name, const Value& src);

    Work work() const override { return Work::pool; }
    GradientType gradient_type(int /*src*/) const override {
        return {.zeros = GradientType::Zeros::masked_by_src};
    }
    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& call) override;
};

}  // namespace sparsetrain::train
