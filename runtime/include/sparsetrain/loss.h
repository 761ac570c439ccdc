// Softmax cross-entropy, with label smoothing and for mixtures of two pictures.
#pragma once

#include <cstdint>
#include <span>

#include "sparsetrain/export.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// What logits should say: of each image a class, with probability 1 - smoothing, and every class with a share
// of smoothing. Under mixup the image is `weight` of one picture, and the rest of another, which has a label
// of its own.
struct Targets {
    std::span<const std::int32_t> labels;
    std::span<const std::int32_t> other_labels = {};  // of mixup; empty: there is none
    float weight = 1;                                 // from 0 to 1; without other_labels, 1
    float smoothing = 0;                              // from 0 to below 1
};

struct LossResult {
    double loss = 0;  // mean over the batch
    int correct = 0;  // whose largest logit, the first of equals, is that of `labels`
};

// `logits` is [N][classes][1][1]; `diff_logits`, of the same shape, becomes the gradient of the mean loss.
// Throws Error(invalid_argument) for other shapes, counts of labels other than N, labels outside of 0 to
// classes - 1, a weight or smoothing outside of its range, null or misaligned pointers, and outputs that
// overlap inputs.
SPARSETRAIN_API LossResult softmax_cross_entropy(ConstTensorView logits, const Targets& targets,
                                                 TensorView diff_logits, Workspace& workspace);

}  // namespace sparsetrain
