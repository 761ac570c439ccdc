// How training is run unless the command line says otherwise: the one place to change it.
#pragma once

namespace sparsetrain::cli {

// Without BatchNorm the first steps of a ReLU network are the fragile ones: the learning rate rises from
// nothing to its full value first. Falling to zero afterwards lets a short run end at its best.
struct Recipe {
    float learning_rate = 0.02F;  // at the end of the warm-up
    float momentum = 0.9F;
    float weight_decay = 5e-4F;

    static constexpr int kWarmUpSteps = 50;         // at most; a short run warms up
    static constexpr double kWarmUpFraction = 0.1;  // for this part of its steps

    // Of step 1 to `steps`: linear up, then linear down.
    float learning_rate_at(int step, int steps) const;
};

}  // namespace sparsetrain::cli
