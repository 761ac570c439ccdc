// Stochastic gradient descent with momentum and weight decay.
#pragma once

#include "train/operator.h"

namespace sparsetrain::train {

struct Sgd {
    float learning_rate = 0.01F;
    float momentum = 0.9F;
    float weight_decay = 0;
};

// momentum = sgd.momentum * momentum + gradient + sgd.weight_decay * value, the last term only where the
// parameter is decayed; value -= sgd.learning_rate * momentum. Throws Error(invalid_argument) for arrays of
// different sizes, misaligned ones or a size that is not a multiple of 16.
void sgd_step(const Parameter& parameter, const Sgd& sgd, Workspace& workspace);

}  // namespace sparsetrain::train
