// The sum of a residual block's two paths, and its ReLU.
#pragma once

#include "train/operator.h"

namespace sparsetrain::train {

class AddRelu : public Operator {
  public:
    AddRelu(const std::string& name, const Value& a, const Value& b);

    Work work() const override { return Work::join; }
    bool may_overwrite_src(int /*i*/) const override { return true; }
    // diff_dst comes with the ReLU's backward applied: as it is, it is the gradient of both.
    GradientType gradient_type(int /*src*/) const override {
        return {.memory = GradientType::Memory::is_diff_dst};
    }
    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& /*call*/) override {}
};

}  // namespace sparsetrain::train
