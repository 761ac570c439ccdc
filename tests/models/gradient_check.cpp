#include "gradient_check.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace sparsetrain::test {
namespace {

constexpr double kStep = 1e-5, kRelativeError = 1e-6;
constexpr double kRounding = 1e-9;  // What sums of some hundred terms of size 1 lose, over the step.

Variable build_on(DoubleTape& tape, const std::vector<DoubleTensor>& operands, const Build& build,
                  std::vector<Variable>& leaves) {
    for (const DoubleTensor& operand : operands) leaves.push_back(tape.leaf(operand));
    return build(leaves);
}

// Different for all elements of a result, none of them 0.
std::vector<double> weights_of(std::size_t count) {
    std::vector<double> weights(count);
    for (std::size_t i = 0; i < count; ++i) weights[i] = 0.3 + std::sin(1.7 * static_cast<double>(i));
    return weights;
}

double weighted_sum(const std::vector<DoubleTensor>& operands, const Build& build) {
    DoubleTape tape;
    std::vector<Variable> leaves;
    const std::vector<double> result = build_on(tape, operands, build, leaves).values();
    const std::vector<double> weights = weights_of(result.size());
    double sum = 0;
    for (std::size_t i = 0; i < result.size(); ++i) sum += weights[i] * result[i];
    return sum;
}

std::vector<std::vector<double>> gradients_of(const std::vector<DoubleTensor>& operands, const Build& build) {
    DoubleTape tape;
    std::vector<Variable> leaves;
    Variable result = build_on(tape, operands, build, leaves);
    tape.backward(result, weights_of(result.values().size()));
    std::vector<std::vector<double>> gradients;
    gradients.reserve(leaves.size());
    for (const Variable& leaf : leaves) gradients.push_back(leaf.gradient());
    return gradients;
}

double central_difference(std::vector<DoubleTensor>& operands, double& element, const Build& build) {
    const double value = element;
    element = value + kStep;
    const double above = weighted_sum(operands, build);
    element = value - kStep;
    const double below = weighted_sum(operands, build);
    element = value;
    return (above - below) / (2 * kStep);
}

}  // namespace

DoubleTensor distinct_values(const std::vector<int>& shape, unsigned seed) {
    DoubleTensor tensor = zeros_of(shape);
    const auto count = static_cast<double>(tensor.values.size());
    double position = 0.25;
    for (double& value : tensor.values) value = 2 * position++ / count - 1;
    std::mt19937 engine(seed);
    std::shuffle(tensor.values.begin(), tensor.values.end(), engine);
    return tensor;
}

testing::AssertionResult gradients_match(std::vector<DoubleTensor> operands, const Build& build) {
    const std::vector<std::vector<double>> gradients = gradients_of(operands, build);
    for (std::size_t o = 0; o < operands.size(); ++o) {
        if (std::all_of(gradients[o].begin(), gradients[o].end(), [](double g) { return g == 0; }))
            return testing::AssertionFailure() << "operand " << o << ": all gradients are 0";
        for (std::size_t i = 0; i < gradients[o].size(); ++i) {
            const double expected = central_difference(operands, operands[o].values[i], build);
            const double error = std::abs(gradients[o][i] - expected);
            if (!(error <= kRelativeError * std::abs(expected) + kRounding))
                return testing::AssertionFailure() << "operand " << o << ", element " << i << ": gradient "
                                                   << gradients[o][i] << ", expected " << expected;
        }
    }
    return testing::AssertionSuccess();
}

}  // namespace sparsetrain::test
