// What every operator of a network is: what it declares for the plan of a step's memory, forward, backward.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sparsetrain/workspace.h"
#include "train/parameter.h"
#include "train/step_times.h"
#include "train/value.h"

namespace sparsetrain::train {

class ConvolutionWatch;

// In inference nothing is saved for a backward, and batch normalisation uses running statistics.
enum class Mode { training, inference };

// Of one call of train_step or evaluate.
struct RunContext {
    Workspace& workspace;
    int images = 0;
    Mode mode = Mode::training;
    bool updates_state = true;          // running statistics, and what dropout drops next
    StepTimes* times = nullptr;         // where to add what passes took; null: nowhere
    ConvolutionWatch* watch = nullptr;  // sees every pass of every convolution; null: none
};

// `saved` is the operator's own memory, from its forward to its backward: saved_bytes(images) of it, 64-byte
// aligned.
struct ForwardCall {
    std::span<const Activation> srcs;
    TensorView dst;
    MaskView dst_mask;  // where the result has one
    std::span<std::uint8_t> saved;
    RunContext& context;
};

// Where to write a gradient, and its own mask, where that is declared. No tensor: nobody needs it.
struct Gradient {
    TensorView tensor;
    MaskView mask;
};

// `srcs` and `dst` have tensors where they were declared as saved, and always their masks. If dst is
// rectified, diff_dst comes with that ReLU's backward applied.
struct BackwardCall {
    std::span<const Activation> srcs;
    Activation dst;
    SparseInput diff_dst;
    std::span<const Gradient> diff_srcs;
    std::span<std::uint8_t> saved;
    RunContext& context;
};

// What the gradient of a src will be. Memory: of its own; of its own or diff_dst's, if nobody needs that
// afterwards; or nothing is written, as it is diff_dst. Zeros: nothing is known; or the backward of src's
// ReLU, if it has one, is applied, and the gradient's mask is src's, dst's or made by the operator.
struct GradientType {
    enum class Memory { own, own_or_diff_dst, is_diff_dst };
    enum class Zeros { unknown, masked_by_src, masked_by_dst, own_mask };
    Memory memory = Memory::own;
    Zeros zeros = Zeros::unknown;
};

// Owns its parameters; all other memory is the network's, which plans it from what operators declare. Those
// declarations never change.
class Operator {
  public:
    Operator(std::string name, ValueType result) : name_(std::move(name)), result_(result) {}
    Operator(const Operator&) = delete;
    Operator& operator=(const Operator&) = delete;
    virtual ~Operator() = default;

    const std::string& name() const { return name_; }
    const ValueType& result() const { return result_; }
    // What its time counts as, unless the operator says that itself.
    virtual Work work() const = 0;

    // Whether backward reads the tensors of srcs[i] or dst.
    virtual bool saves_src(int /*i*/) const { return false; }
    virtual bool saves_dst() const { return false; }
    // Whether dst may be written over srcs[i], if nobody needs that afterwards.
    virtual bool may_overwrite_src(int /*i*/) const { return false; }
    virtual std::size_t saved_bytes(int /*images*/) const { return 0; }
    virtual GradientType gradient_type(int /*src*/) const { return {}; }

    // Of a batch in training mode.
    virtual int least_images_to_train() const { return 1; }

    virtual void forward(const ForwardCall& call) = 0;
    // Follows a forward in training mode. Sets the gradients of srcs and parameters.
    virtual void backward(const BackwardCall& call) = 0;

    virtual std::vector<Parameter*> parameters() { return {}; }
    // Those that are added to dst, or to what its ReLU makes dst of; null: there are none.
    virtual Parameter* shift() { return nullptr; }
    virtual std::vector<State> states() { return {}; }
    virtual std::vector<Counter> counters() { return {}; }
    // Of memory that it keeps beside its parameters.
    virtual std::size_t own_bytes() const { return 0; }
    // Once the parameters have memory, before the first forward.
    virtual void parameters_allocated() {}

  private:
    std::string name_;
    ValueType result_;
};

}  // namespace sparsetrain::train
