// Softmax cross-entropy.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain::train {

struct StepResult {
    double loss = 0;  // mean over the batch, before the step
    int correct = 0;  // right predictions, before the step: the first of equal largest logits counts
};

class SoftmaxCrossEntropy {
  public:
    // `logits` is [N][classes][1][1]; `diff_logits`, of the same shape, becomes the gradient of the mean
    // loss. Throws Error(invalid_argument) for other shapes, a label count other than N and labels outside of
    // 0 to classes - 1.
    StepResult compute(ConstTensorView logits, std::span<const std::int32_t> labels, TensorView diff_logits,
                       Workspace& workspace);

  private:
    std::vector<float> losses_;
    std::vector<std::uint8_t> hits_;
};

}  // namespace sparsetrain::train
