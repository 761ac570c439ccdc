// A sequential network for classification: operators in a row, softmax cross-entropy at the end, SGD.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sparsetrain/loss.h"
#include "sparsetrain/sgd.h"
#include "train/convolution.h"
#include "train/operator.h"

namespace sparsetrain::train {

// All buffers are made once, for the batch size of the input. Sums are in a fixed order, so that a run can be
// repeated exactly.
class Network {
  public:
    using Operators = std::vector<std::unique_ptr<Operator>>;

    // `input` is the shape of a batch of images; the last operator's dst holds the logits,
    // [batch][classes][1][1]. Throws Error(invalid_argument) for an empty list, logits of another shape or
    // fewer threads than 1.
    Network(Shape input, Operators operators, int threads);

    // One step of SGD. `images` is float [batch][C][H][W]; there are as many labels, from 0 to classes - 1.
    // Throws Error(invalid_argument) for other sizes or labels.
    LossResult train_step(std::span<const float> images, std::span<const std::int32_t> labels,
                          const Sgd& sgd);

    // Loss and correct predictions of 1 to batch images, as many as there are labels. Changes no parameter,
    // but overwrites the activations that convolutions() show.
    LossResult evaluate(std::span<const float> images, std::span<const std::int32_t> labels);

    // Of all arrays of the network.
    std::size_t bytes() const;

    int classes() const { return diff_logits_.shape().c; }
    int threads() const { return workspace_.threads(); }

    // First to last; each holds the tensors, times and statistics of the last train_step.
    std::span<const Convolution* const> convolutions() const { return convolutions_; }
    // Values, and the gradients of the last train_step.
    std::span<const Parameter> parameters() const { return parameters_; }

  private:
    Activation forward(std::span<const float> images, std::size_t count, Mode mode);
    void backward();
    void update(const Sgd& sgd);

    Operators operators_;
    std::vector<const Convolution*> convolutions_;
    std::vector<Parameter> parameters_;
    Workspace workspace_;
    Tensor src_, diff_logits_;
};

}  // namespace sparsetrain::train
