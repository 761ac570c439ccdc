// A convolution between learned scalars, as networks without normalisation have them: conv(src + before) *
// scale + after, perhaps with a ReLU (sparsetrain/shifted_conv.h).
#pragma once

#include <memory>

#include "sparsetrain/shifted_conv.h"
#include "train/operators/convolution.h"

namespace sparsetrain::train {

// Parameters of one element; null: there is none. Several operators may share one: their gradients add up.
struct ScalarParameters {
    std::shared_ptr<Parameter> before, scale, after;
};

class ShiftedConvolution : public Convolution {
  public:
    // Parameters are those of Convolution and the scalars; without a padding there may be a bias, too.
    ShiftedConvolution(const std::string& name, const Value& src, const ConvolutionOptions& options,
                       ScalarParameters scalars, const std::optional<ValueShape>& images = {});

    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& call) override;
    std::vector<Parameter*> parameters() override;
    Parameter* shift() override {
        return scalars_.after != nullptr ? scalars_.after.get() : Convolution::shift();
    }
    std::size_t own_bytes() const override;
    void parameters_allocated() override;

  private:
    // Along borders taps are outside of the image, and see zeros, not `before`.
    bool has_borders() const { return scalars_.before != nullptr && options().padding > 0; }
    ConvScalars values() const;
    // A linear layer's time is all of one kind.
    StepTimes* times_of_scalars(const RunContext& context) const {
        return is_linear() ? nullptr : context.times;
    }

    ScalarParameters scalars_;
    AlignedArray<float> taps_, all_bias_;
    Weights folded_;  // with scale
};

}  // namespace sparsetrain::train
