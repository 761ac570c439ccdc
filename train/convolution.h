// Convolution with bias and, usually, a fused ReLU.
#pragma once

#include <array>

#include "sparsetrain/conv2d.h"
#include "train/operator.h"
#include "train/random.h"
#include "train/relu.h"

namespace sparsetrain::train {

// One pass of the last step: wall time of the Conv2d call alone, packing of weights included, and what it
// observed.
struct PassRun {
    double seconds = 0;
    RunStatistics statistics;
};

// The tensors of the last step, as the convolution saw them: diff_dst is after the fused ReLU's backward.
// Valid until the network runs again, in either mode; views without data where a pass did not run.
struct ConvolutionStep {
    Activation src, diff_dst;
    Activation dst;
    ConstTensorView diff_src;
    std::array<PassRun, 3> passes;  // indexed by Pass

    const PassRun& run_of(Pass pass) const { return passes[static_cast<std::size_t>(pass)]; }
};

// Which kernels a convolution's plan runs. A policy alone will do.
struct KernelOptions {
    KernelOptions(Policy its_policy, Choice its_choice = Choice::measured)
        : policy(its_policy), choice(its_choice) {}

    Policy policy;
    Choice choice;
};

class Convolution : public Operator {
  public:
    enum class Activate { none, relu };

    // He initialisation, bias zero. Throws what Conv2d's constructor throws.
    Convolution(std::string name, const ConvShape& shape, KernelOptions kernels, Activate activate,
                Random& random);

    Shape dst_shape() const override { return plan_.shape().dst(); }
    Activation forward(std::span<const Activation> srcs, RunContext context) override;
    void backward(const Activation& diff_dst, std::span<Activation> diff_srcs, RunContext context) override;
    std::vector<Parameter> parameters() override;
    void parameters_changed() override { packed_.mark_changed(); }
    std::size_t bytes() const override;

    const Conv2d& plan() const { return plan_; }
    const PackedWeights& weights() const { return packed_; }
    std::span<const float> bias() const;
    const ConvolutionStep& last_step() const { return step_; }

  private:
    template <typename Call>
    void timed(Pass pass, Call call);

    Conv2d plan_;
    Activate activate_;
    Weights weights_, diff_weights_, weights_momentum_;
    AlignedArray<float> bias_, diff_bias_, bias_momentum_;
    PackedWeights packed_;
    Tensor dst_;
    Mask dst_mask_;               // with Activate::relu
    ReluGradient relu_gradient_;  // with Activate::relu
    Tensor diff_src_;             // made when first asked for: the first convolution of a network has none
    ConvolutionStep step_;
};

}  // namespace sparsetrain::train
