// Dropout.
#pragma once

#include "train/operator.h"

namespace sparsetrain::train {

class Dropout : public Operator {
  public:
    // `seed`: of what is dropped; each step has its own.
    Dropout(const std::string& name, const Value& src, float rate, std::uint64_t seed);

    Work work() const override { return Work::dropout; }
    // As dst, whose mask says what was kept and, where src is a ReLU's output, is not zero: no other gradient
    // passes.
    GradientType gradient_type(int /*src*/) const override {
        return {.memory = GradientType::Memory::own_or_diff_dst, .zeros = GradientType::Zeros::masked_by_dst};
    }
    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& call) override;

  private:
    float rate_;
    std::uint64_t seed_, steps_ = 0;
};

}  // namespace sparsetrain::train
