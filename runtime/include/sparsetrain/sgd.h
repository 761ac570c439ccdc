// Stochastic gradient descent with momentum and weight decay.
#pragma once

#include <span>

#include "sparsetrain/export.h"
#include "sparsetrain/workspace.h"

namespace sparsetrain {

// Of a group of parameters: one call takes one.
struct Sgd {
    float learning_rate = 0.01F;
    float momentum = 0.9F;
    float weight_decay = 0;
    bool nesterov = false;
};

// step = gradient + weight_decay * value; momentum = sgd.momentum * momentum + step; value -= learning_rate *
// momentum, or, by Nesterov, learning_rate * (step + sgd.momentum * momentum). Any number of elements; value
// and momentum are 64-byte aligned. Throws Error(invalid_argument) for null or misaligned pointers, no
// elements or different numbers of them, and arrays that overlap.
SPARSETRAIN_API void sgd_step(std::span<float> value, std::span<const float> gradient,
                              std::span<float> momentum, const Sgd& sgd, Workspace& workspace);

}  // namespace sparsetrain
