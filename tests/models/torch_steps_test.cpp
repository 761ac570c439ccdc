// The reference against PyTorch in double: torch_steps/MODEL.json has norms and samples, with 9 digits.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "double_models.h"
#include "test_name.h"

namespace sparsetrain::test {
namespace {

using Json = nlohmann::json;

// What 9 digits lose, and sums in another order.
constexpr double kRelativeError = 1e-8;

Json torch_step(const std::string& model) {
    const std::string path = std::string(SPARSETRAIN_TORCH_STEPS) + "/" + model + ".json";
    std::ifstream file(path);
    if (!file) throw std::runtime_error("expected a file " + path);
    return Json::parse(file);
}

double norm_of(const DoubleTensor& tensor) {
    double sum = 0;
    for (const double value : tensor.values) sum += value * value;
    return std::sqrt(sum);
}

// Within the error of an expected value, or of a tensor's root mean square where the value is smaller.
void expect_near(double found, const Json& expected, double root_mean_square = 0) {
    const auto value = expected.get<double>();
    EXPECT_NEAR(found, value, kRelativeError * std::max(std::abs(value), root_mean_square));
}

void expect_described(const DoubleTensor& tensor, const Json& expected) {
    ASSERT_EQ(Json(tensor.shape), expected.at("shape"));
    const double norm = norm_of(tensor);
    expect_near(norm, expected.at("norm"));
    ASSERT_FALSE(expected.at("samples").empty());
    for (const Json& sample : expected.at("samples"))
        expect_near(tensor.values.at(sample.at(0).get<std::size_t>()), sample.at(1),
                    norm / std::sqrt(static_cast<double>(tensor.values.size())));
}

void expect_all_described(const DoubleTensors& tensors, const Json& expected) {
    for (const auto& [name, description] : expected.items()) {
        SCOPED_TRACE(name);
        expect_described(tensors.at(name), description);
    }
}

void expect_logits(const std::vector<double>& logits, const Json& expected) {
    std::vector<double> all;
    for (const Json& row : expected) all.insert(all.end(), row.begin(), row.end());
    ASSERT_EQ(logits.size(), all.size());
    for (std::size_t i = 0; i < all.size(); ++i) expect_near(logits[i], all[i], 1);
}

class TorchStep : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, TorchStep, testing::ValuesIn(double_model_names()), test_name);

void descend(StepInput& input, const DoubleTensors& gradients, double learning_rate) {
    for (const auto& [name, gradient] : gradients) {
        std::vector<double>& parameter = input.parameters.at(name).values;
        for (std::size_t i = 0; i < parameter.size(); ++i) parameter[i] -= learning_rate * gradient.values[i];
    }
}

TEST_P(TorchStep, IsThatOfTheReference) {
    const Json expected = torch_step(GetParam());
    const Json& settings = expected.at("settings");
    StepInput input =
        fixed_step(GetParam(), settings.at("batch"), settings.at("image_size"), settings.at("classes"));
    expect_described(input.images, expected.at("images"));

    const StepResult result = double_step(GetParam(), input);
    expect_near(result.loss, expected.at("loss"));
    expect_logits(result.logits, expected.at("logits"));
    EXPECT_EQ(result.gradients.size(), expected.at("gradients").size());
    expect_all_described(result.gradients, expected.at("gradients"));
    expect_all_described(result.running, expected.at("buffers"));

    // What no sample shows: the loss after a step along all gradients.
    descend(input, result.gradients, settings.at("learning_rate"));
    expect_near(double_loss(GetParam(), input), expected.at("loss_after_step"));
}

}  // namespace
}  // namespace sparsetrain::test
