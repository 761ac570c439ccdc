#include "cli/recipe.h"

#include <algorithm>

namespace sparsetrain::cli {

float Recipe::learning_rate_at(int step, int steps) const {
    const int warm_up =
        std::clamp(static_cast<int>(kWarmUpFraction * static_cast<double>(steps)), 1, kWarmUpSteps);
    const double up = static_cast<double>(step) / warm_up;
    const double down = static_cast<double>(steps - step + 1) / std::max(1, steps - warm_up + 1);
    return learning_rate * static_cast<float>(std::min({1.0, up, down}));
}

}  // namespace sparsetrain::cli
