// Several values as one, whose channels are theirs, one behind another.
#pragma once

#include "train/operator.h"

namespace sparsetrain::train {

class Concatenation : public Operator {
  public:
    // The result has a mask if a part has one. It is rectified if a part is: then all bits are set of parts
    // that are not, so that their gradients pass. Throws Error(invalid_argument) for no parts, and for parts
    // whose sizes other than channels differ.
    Concatenation(const std::string& name, const std::vector<Value>& parts);

    Work work() const override { return Work::join; }
    GradientType gradient_type(int src) const override;
    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& call) override;

  private:
    struct Part {
        int first_channel;
        bool rectified;
    };
    std::vector<Part> parts_;
};

}  // namespace sparsetrain::train
