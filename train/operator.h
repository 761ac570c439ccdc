// What every operator of a network is: forward, backward, and what it saves in between.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::train {

// An activation or a gradient on its way between operators. Its producer owns the memory; `mask` is its
// occupancy mask, if the producer made one. `rectified`: it is the output of a ReLU or a max pool of one, so
// that no gradient passes where it is zero; of a gradient, that it went through the backward of the ReLU
// whose mask is `mask`.
struct Activation {
    ConstTensorView tensor;
    ConstMaskView mask;
    bool rectified = false;

    // The mask of the ReLU behind it, if there is one.
    ConstMaskView relu_mask() const { return rectified ? mask : ConstMaskView(); }
    operator SparseInput() const { return {tensor, mask}; }
};

// A trainable array, with gradient and momentum of the same size and order: 64-byte aligned, a multiple of 16
// floats, zero in the lanes that pad channels.
struct Parameter {
    std::string name;  // "conv1.weights"
    std::span<float> value;
    std::span<float> gradient;
    std::span<float> momentum;
    bool decayed = true;  // whether weight decay applies: to weights, not to biases
};

// The memory of arrays, in bytes.
template <typename... Arrays>
std::size_t bytes_of(const Arrays&... arrays) {
    return (... + (arrays.size() * sizeof(arrays[0])));
}

// In inference nothing needs to be saved, and an operator with running statistics uses them.
enum class Mode { training, inference };

struct RunContext {
    Workspace& workspace;
    Mode mode = Mode::training;
};

// Owns its dst and diff_src, made once for a fixed batch, and its parameters. What backward needs of a
// forward is saved by the operator: in memory of its own or as views of `srcs`, which the caller keeps
// unchanged until backward has returned. No operator writes to its inputs: a gradient may go to several.
class Operator {
  public:
    explicit Operator(std::string name) : name_(std::move(name)) {}
    Operator(const Operator&) = delete;
    Operator& operator=(const Operator&) = delete;
    virtual ~Operator() = default;

    const std::string& name() const { return name_; }
    virtual Shape dst_shape() const = 0;

    // dst, which stays valid until the next forward. `srcs` has one element, more for a join.
    virtual Activation forward(std::span<const Activation> srcs, RunContext context) = 0;

    // Follows a forward in training mode. Sets the parameters' gradients, and `diff_srcs[i]` to the gradient
    // of srcs[i], valid until the next backward; an empty `diff_srcs` says that nobody needs them.
    virtual void backward(const Activation& diff_dst, std::span<Activation> diff_srcs,
                          RunContext context) = 0;

    virtual std::vector<Parameter> parameters() { return {}; }

    // Of all arrays that it owns, with those that its first step makes.
    virtual std::size_t bytes() const = 0;
    // To be called after parameter values changed and before the next forward.
    virtual void parameters_changed() {}

  private:
    std::string name_;
};

}  // namespace sparsetrain::train
