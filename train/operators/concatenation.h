// Several values as one, whose channels are theirs, one behind another.
#pragma once

#include "train/operator.h"

namespace sparsetrain::train {

class Concatenation : public Operator {
  public:
    // The result has a mask if a part has one, and is rectified if all parts are. Throws
    // Error(invalid_argument) for no parts, and for parts whose sizes other than channels differ.
    Concatenation(const std::string& name, const std::vector<Value>& parts);

    Work work() const override { return Work::join; }
    GradientType gradient_type(int src) const override;
    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& call) override;

  private:
    std::vector<int> first_channels_;
};

}  // namespace sparsetrain::train
