// From images to the features that linear layers read.
#pragma once

#include "train/operator.h"

namespace sparsetrain::train {

class Features : public Operator {
  public:
    Features(const std::string& name, const Value& images);

    Work work() const override { return Work::layout; }
    GradientType gradient_type(int src) const override;
    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& call) override;

  private:
    bool is_rectified_;
};

}  // namespace sparsetrain::train
