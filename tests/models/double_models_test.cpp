#include "double_models.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "fixed_values.h"
#include "test_name.h"

namespace sparsetrain::test {
namespace {

// A step on narrow layers, with everything that a step may have.
StepInput narrow_step(const std::string& model) {
    StepInput input = fixed_step(model, 3, model == "vgg-small" ? 28 : 40, 10, 16);
    input.other_labels = {1, 1, 5};
    input.weight = 0.8;
    input.smoothing = 0.1;
    input.dropout_rate = 0.25;
    input.kept = [](int which, int image, int feature) {
        return (which * 3 + image * 5 + feature * 7) % 4 != 0;
    };
    return input;
}

// A direction that no gradient is orthogonal to, but by chance.
double direction_at(std::size_t i) {
    return std::sin(1.3 * static_cast<double>(i) + 0.4);
}

void move(DoubleTensor& tensor, double distance) {
    for (std::size_t i = 0; i < tensor.values.size(); ++i) tensor.values[i] += distance * direction_at(i);
}

double difference_along(const std::string& model, StepInput& input, const std::string& name) {
    constexpr double kStep = 1e-7;  // So small that no ReLU and no maximum changes sides.
    DoubleTensor& tensor = input.parameters.at(name);
    const std::vector<double> before = tensor.values;
    move(tensor, kStep);
    const double above = double_loss(model, input);
    tensor.values = before;
    move(tensor, -kStep);
    const double below = double_loss(model, input);
    tensor.values = before;
    return (above - below) / (2 * kStep);
}

class DoubleModel : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, DoubleModel, testing::ValuesIn(double_model_names()), test_name);

TEST_P(DoubleModel, GradientsAreFiniteDifferences) {
    StepInput input = narrow_step(GetParam());
    const StepResult result = double_step(GetParam(), input);
    for (const auto& [name, gradient] : result.gradients) {
        double along = 0;
        for (std::size_t i = 0; i < gradient.values.size(); ++i)
            along += gradient.values[i] * direction_at(i);
        EXPECT_NEAR(along, difference_along(GetParam(), input, name), 1e-5 * std::abs(along) + 1e-8) << name;
    }
}

TEST_P(DoubleModel, EveryGradientHasTheShapeOfItsParameter) {
    const StepInput input = narrow_step(GetParam());
    const StepResult result = double_step(GetParam(), input);
    EXPECT_EQ(result.logits.size(), 30U);
    EXPECT_EQ(result.gradients.size() + result.running.size(), input.parameters.size());
    for (const auto& [name, given] : input.parameters) {
        const DoubleTensors& results = result.gradients.contains(name) ? result.gradients : result.running;
        EXPECT_EQ(results.at(name).shape, given.shape) << name;
        EXPECT_EQ(results.at(name).values.size(), given.values.size()) << name;
    }
}

TEST_P(DoubleModel, ParametersAreThoseOfTheModel) {
    const StepInput input = narrow_step(GetParam());
    StepInput lacking = input, superfluous = input, misshapen = input;
    lacking.parameters.erase("conv1.weight");
    lacking.parameters.erase("features.0.weight");
    EXPECT_THROW(double_step(GetParam(), lacking), std::invalid_argument);
    superfluous.parameters["conv99.weight"] = zeros_of({1});
    EXPECT_THROW(double_step(GetParam(), superfluous), std::invalid_argument);
    DoubleTensor& first = misshapen.parameters.begin()->second;
    first = zeros_of({first.shape[0] + 1});
    EXPECT_THROW(double_step(GetParam(), misshapen), std::invalid_argument);
}

TEST(DoubleModels, UnknownNamesAreErrors) {
    EXPECT_THROW(fixed_parameters("resnet101", 10), std::invalid_argument);
    EXPECT_THROW(double_step("resnet101", {{}, zeros_of({1, 3, 32, 32}), {0}, {}, 1, 0, 0, {}}),
                 std::invalid_argument);
}

// The true widths. Counts are those that torchvision documents, for 1000 classes.
TEST(DoubleModels, NumbersOfParameters) {
    const auto count = [](const std::string& model) {
        std::size_t sum = 0;
        for (const auto& [name, tensor] : fixed_parameters(model, 1000))
            if (!name.ends_with("running_mean") && !name.ends_with("running_var") &&
                !name.ends_with("num_batches_tracked"))
                sum += tensor.values.size();
        return sum;
    };
    EXPECT_EQ(count("vgg16"), 138357544U);
    EXPECT_EQ(count("resnet18"), 11689512U);
    EXPECT_EQ(count("resnet34"), 21797672U);
    EXPECT_EQ(count("resnet50"), 25557032U);
}

TEST(DoubleModels, RunningStatisticsMoveByATenth) {
    StepInput input = narrow_step("resnet18");
    const double first = double_step("resnet18", input).running.at("bn1.running_mean").values[0];
    EXPECT_NE(first, 0);
    input.parameters.at("bn1.running_mean").values[0] = 100;
    const StepResult result = double_step("resnet18", input);
    EXPECT_NEAR(result.running.at("bn1.running_mean").values[0], 90 + first, 1e-12);
    EXPECT_EQ(result.running.at("layer4.1.bn2.num_batches_tracked").values[0], 1);
}

// Without the features of the second dropout logits are a bias; without those of the first they are not.
TEST(DoubleModels, DropoutsOfVgg16AreAskedByNumber) {
    StepInput input = narrow_step("vgg16");
    const std::vector<double>& bias = input.parameters.at("classifier.6.bias").values;
    const auto first_logits = [&](int dropped) {
        input.kept = [=](int which, int, int) { return which != dropped; };
        const std::vector<double> logits = double_step("vgg16", input).logits;
        return std::vector<double>(logits.begin(), logits.begin() + 10);
    };
    EXPECT_EQ(first_logits(1), bias);
    EXPECT_NE(first_logits(0), bias);
}

TEST(FixedValues, AreThoseOfTheirDefinition) {
    const std::vector<float> values = fixed_parameter("bn1.bias", {64});
    EXPECT_EQ(fixed_labels(4, 10), (std::vector<int>{3, 0, 7, 4}));
    EXPECT_EQ(fixed_parameter("bn1.running_var", {2}), (std::vector<float>{1, 1}));
    EXPECT_EQ(fixed_parameter("bn1.running_mean", {2}), (std::vector<float>{0, 0}));
    for (std::size_t i = 0; i < values.size(); ++i)
        EXPECT_EQ(values[i], 0.1F * fixed_value(hash_of("bn1.bias"), i));
}

}  // namespace
}  // namespace sparsetrain::test
