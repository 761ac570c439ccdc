// How training is run unless the command line says otherwise: the one place to change it.
#pragma once

namespace sparsetrain::cli {

// How long a run is: a number of steps, a time to spend on steps, or both, of which the first to be used up
// ends it.
struct RunLength {
    int steps = 0;       // 0: any number
    double seconds = 0;  // 0: any time
};

// How far a run is: the step that begins, from 1 on, and the time that those before it took.
struct RunPosition {
    int step = 1;
    double seconds = 0;

    bool is_within(const RunLength& length) const {
        return (length.steps == 0 || step <= length.steps) &&
               (length.seconds == 0 || seconds < length.seconds);
    }
};

// Without BatchNorm the first steps of a ReLU network are the fragile ones: the learning rate rises from
// nothing to its full value first. Falling to zero afterwards lets a short run end at its best.
struct Recipe {
    float learning_rate = 0.01F;  // at the end of the warm-up
    float momentum = 0.9F;
    float weight_decay = 5e-4F;

    static constexpr int kWarmUpSteps = 50;         // at most; a short run warms up
    static constexpr double kWarmUpFraction = 0.1;  // for this part of it

    // Linear up, then linear down: with the steps, or with the share of the time that is used up.
    float learning_rate_at(const RunPosition& position, const RunLength& length) const;
};

}  // namespace sparsetrain::cli
