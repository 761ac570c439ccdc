#include "cli/recipe.h"

#include <algorithm>

namespace sparsetrain::cli {
namespace {

// From 0 to 1.
double factor_by_steps(int step, int steps) {
    const int warm_up = std::clamp(static_cast<int>(Recipe::kWarmUpFraction * static_cast<double>(steps)), 1,
                                   Recipe::kWarmUpSteps);
    const double up = static_cast<double>(step) / warm_up;
    const double down = static_cast<double>(steps - step + 1) / std::max(1, steps - warm_up + 1);
    return std::min({1.0, up, down});
}

// How many steps will fit is not known: the warm-up ends with its share of the time, or of its most steps.
double factor_by_time(const RunPosition& position, double seconds) {
    const double used = position.seconds / seconds;
    const double up =
        std::max(static_cast<double>(position.step) / Recipe::kWarmUpSteps, used / Recipe::kWarmUpFraction);
    return std::clamp(std::min(up, 1 - used), 0.0, 1.0);
}

}  // namespace

float Recipe::learning_rate_at(const RunPosition& position, const RunLength& length) const {
    double factor = 1;
    if (length.steps > 0) factor = std::min(factor, factor_by_steps(position.step, length.steps));
    if (length.seconds > 0) factor = std::min(factor, factor_by_time(position, length.seconds));
    return learning_rate * static_cast<float>(factor);
}

}  // namespace sparsetrain::cli
