// Convolution with weights, perhaps bias and ReLU; and linear layers, which are convolutions of features.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>

#include "sparsetrain/conv2d.h"
#include "train/operator.h"

namespace sparsetrain::train {

// Which kernels a convolution's plan runs. A policy alone will do.
struct KernelOptions {
    KernelOptions(Policy its_policy, Choice its_choice = Choice::measured)
        : policy(its_policy), choice(its_choice) {}

    Policy policy;
    Choice choice;
};

// What a pass of the last step took: wall time of the Conv2d call alone, packing of weights included, and
// what it observed.
struct PassRun {
    double seconds = 0;
    RunStatistics statistics;
    bool ran = false;
};

// A pass while its operands are there: src in fwd, diff_dst in bwd_data, both in bwd_weights. `dst` is what
// it wrote, if that is a tensor. `run` does it again, with any plan of the same shape.
struct PassCall {
    Pass pass;
    std::optional<SparseInput> src, diff_dst;
    ConstTensorView dst;
    ConstMaskView relu_mask;  // of bwd_data
    RunStatistics statistics;
    std::function<RunStatistics(const Conv2d& plan)> run;
};

class Convolution;

// Sees passes of convolutions, each when it has run.
class ConvolutionWatch {
  public:
    virtual ~ConvolutionWatch() = default;
    virtual void passed(const Convolution& convolution, const PassCall& call) = 0;
};

struct ConvolutionOptions {
    int k = 0, filter = 3, stride = 1, padding = 1;  // square
    bool has_bias = false, has_relu = false;
    Initial weights = {}, bias = {};
    KernelOptions kernels = Policy::automatic;
};

class Convolution : public Operator {
  public:
    // Parameters are name + ".weight" and name + ".bias". With `images` it is a linear layer of features that
    // were images of that shape, which says how weights lie in files; filter, stride and padding of the
    // options do not count. Throws what Conv2d's constructor throws.
    Convolution(const std::string& name, const Value& src, const ConvolutionOptions& options,
                const std::optional<ValueShape>& images = {});

    Work work() const override { return is_linear_ ? Work::linear : Work::convolution_fwd; }
    bool saves_src(int /*i*/) const override { return true; }
    GradientType gradient_type(int /*src*/) const override {
        return {GradientType::Memory::own, GradientType::Zeros::masked_by_src};
    }
    void forward(const ForwardCall& call) override;
    void backward(const BackwardCall& call) override;
    std::vector<Parameter*> parameters() override;
    Parameter* shift() override { return options_.has_bias ? &bias_ : nullptr; }
    void parameters_allocated() override;

    // For that many images.
    const Conv2d& plan(int images) const;
    ConvShape shape(int images) const;
    bool is_linear() const { return is_linear_; }
    // At most, of one pass.
    std::size_t packed_bytes() const;
    const PassRun& last_run(Pass pass) const { return runs_[static_cast<std::size_t>(pass)]; }
    ConstWeightsView weights() const;
    std::span<const float> bias() const;

  protected:
    // A pass, once for the step, and as often as the watch likes.
    void run(PassCall call, const RunContext& context);
    // The passes, with `bias` and whatever weights keep_packed() was told of.
    void forward(const ForwardCall& call, std::span<const float> bias, bool with_relu);
    void backward(const BackwardCall& call, std::span<float> diff_bias);
    void keep_packed(ConstWeightsView weights) { packed_.emplace(weights, PackedWeights::Keep::for_a_call); }
    std::span<float> diff_bias();
    const ConvolutionOptions& options() const { return options_; }
    WeightsView diff_weights() { return {weight_.gradient.data(), shape(1).weights()}; }

  private:
    ValueShape src_;
    ConvolutionOptions options_;
    bool is_linear_;
    Parameter weight_, bias_;
    std::optional<PackedWeights> packed_;
    mutable std::map<int, Conv2d> plans_;  // by images
    std::array<PassRun, 3> runs_;          // of the last step, by Pass
};

}  // namespace sparsetrain::train
