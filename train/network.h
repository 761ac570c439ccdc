// A sequential network for classification: operators in a row, softmax cross-entropy at the end, SGD.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "train/convolution.h"
#include "train/operator.h"

namespace sparsetrain::train {

struct Sgd {
    float learning_rate = 0.01F;
    float momentum = 0.9F;
    float weight_decay = 0;
};

struct StepResult {
    double loss = 0;  // mean over the batch, before the step
    int correct = 0;  // predictions that were right, before the step
};

// All buffers are made once, for the batch size of `input`. Sums are in a fixed order, so that a run can be
// repeated exactly.
class Network {
  public:
    using Operators = std::vector<std::unique_ptr<Operator>>;

    // `input` is the shape of a batch of images; the last operator's dst holds the logits,
    // [batch][classes][1][1]. Throws Error(invalid_argument) for an empty list, logits of another shape or
    // fewer threads than 1.
    Network(Shape input, Operators operators, int threads);

    // One step of SGD. `images` is float [batch][C][H][W], labels are from 0 to classes - 1. Throws
    // Error(invalid_argument) for other sizes or labels.
    StepResult train_step(std::span<const float> images, std::span<const std::int32_t> labels,
                          const Sgd& sgd);

    // Loss and correct predictions of up to one batch of images, by labels.size().
    StepResult evaluate(std::span<const float> images, std::span<const std::int32_t> labels);

    Shape input_shape() const { return src_.shape(); }
    int classes() const { return logits_shape_.c; }
    int threads() const { return workspace_.threads(); }

    // First to last; each holds the tensors, times and statistics of the last train_step.
    std::span<const Convolution* const> convolutions() const { return convolutions_; }
    // Values, and the gradients of the last train_step.
    std::span<const Parameter> parameters() const { return parameters_; }

  private:
    Activation forward(std::span<const float> images, int count, Mode mode);
    StepResult loss(const Activation& logits, std::span<const std::int32_t> labels, TensorView diff_logits);
    void backward(Activation diff);
    void update(const Sgd& sgd);

    Operators operators_;
    std::vector<const Convolution*> convolutions_;
    std::vector<Parameter> parameters_;
    Workspace workspace_;
    Shape logits_shape_;
    Tensor src_, diff_logits_;
};

}  // namespace sparsetrain::train
