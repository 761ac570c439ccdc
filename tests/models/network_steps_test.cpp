// Training steps of the program's networks, from the fixed weights, against the reference in double and
// against what PyTorch made of the same: losses, gradients, running statistics.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "double_models.h"
#include "test_name.h"
#include "train/models/models.h"
#include "train/network.h"

namespace sparsetrain::test {
namespace {

using Json = nlohmann::json;

// How much farther from the truth than PyTorch in float a step may be, whose sums have other orders: what it
// measured of each tensor is in the files, as are ReLUs that rounding turns. Such a bound is no less and, for
// gradients, no more than these.
constexpr double kTimesPyTorch = 20, kLeastError = 2e-5, kMostError = 5e-3;

std::vector<float> as_floats(const DoubleTensor& tensor) {
    return {tensor.values.begin(), tensor.values.end()};
}

double norm_of(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum);
}

// ||found - expected|| / ||expected||.
double distance(std::span<const float> found, std::span<const double> expected) {
    double sum = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) sum += std::pow(found[i] - expected[i], 2);
    return std::sqrt(sum) / norm_of(expected);
}

double bound(const Json& measured) {
    return std::max(kLeastError, kTimesPyTorch * measured.get<double>());
}

class NetworkStep : public testing::TestWithParam<std::string> {
  protected:
    NetworkStep() {
        std::ifstream file(std::string(SPARSETRAIN_TORCH_STEPS) + "/" + GetParam() + ".json");
        torch = Json::parse(file);
        const Json& settings = torch.at("settings");
        input =
            fixed_step(GetParam(), settings.at("batch"), settings.at("image_size"), settings.at("classes"));
        images = as_floats(input.images);
    }

    // The fixed weights of ResNet-50 bring ReLUs so close to zero that every rounding turns some, and
    // gradients change by a hundredth. They do not where residual branches count less.
    void calm() {
        for (auto& [name, parameter] : input.parameters)
            if (name.ends_with("bn3.weight"))
                for (double& value : parameter.values) value *= 0.125;
    }

    train::Network network(train::KernelOptions kernels, int threads = 1) const {
        const train::Model& model = find_named(train::models(), GetParam());
        train::ModelOptions options;
        options.channels = input.images.shape[1];
        options.image_size = input.images.shape[2];
        options.classes = torch.at("settings").at("classes");
        options.kernels = kernels;
        options.dropout = 0;
        train::Network network(model.make(options), input.images.shape[0], 1, threads);
        for (train::Parameter* parameter : network.parameters()) {
            parameter->from_file_order(as_floats(input.parameters.at(parameter->name)));
            parameter->rate = 1;  // as the steps that PyTorch made
        }
        return network;
    }

    train::StepTargets targets() const { return {input.labels}; }

    void expect_gradients(const train::Network& network, const StepResult& expected) const {
        EXPECT_EQ(network.parameters().size(), expected.gradients.size());
        for (const train::Parameter* parameter : network.parameters()) {
            const Json& described = torch.at("gradients").at(parameter->name);
            const std::vector<float> found =
                parameter->to_file_order({parameter->gradient.data(), parameter->gradient.size()});
            EXPECT_LE(distance(found, expected.gradients.at(parameter->name).values),
                      std::min(kMostError, bound(described.at("float32"))))
                << parameter->name;
        }
    }

    void expect_running_statistics(const train::Network& network, const StepResult& expected) const {
        for (const train::State& state : network.states())
            EXPECT_LE(distance(state.values, expected.running.at(state.name).values),
                      bound(torch.at("buffers").at(state.name).at("float32")))
                << state.name;
        for (const train::Counter& counter : network.counters()) EXPECT_EQ(*counter.value, 1) << counter.name;
    }

    Json torch;
    StepInput input;
    std::vector<float> images;
};
INSTANTIATE_TEST_SUITE_P(All, NetworkStep, testing::ValuesIn(double_model_names()), test_name);

TEST_P(NetworkStep, IsThatOfTheReference) {
    if (GetParam() == "resnet50") calm();
    const StepResult expected = double_step(GetParam(), input);
    train::Network stepped = network(Policy::automatic);
    stepped.train_step(images, targets(), {});
    expect_running_statistics(stepped, expected);
    for (const Policy policy : {Policy::dense, Policy::zero_skip, Policy::output_mask, Policy::automatic}) {
        SCOPED_TRACE(to_string(policy));
        train::Network own = network(policy, 2);
        const LossResult result = own.compute_gradients(images, targets());
        EXPECT_NEAR(result.loss / expected.loss, 1, bound(torch.at("float32_difference").at("loss")));
        expect_gradients(own, expected);
    }
}

TEST_P(NetworkStep, IsThatOfPyTorch) {
    train::Network own = network(Policy::automatic);
    const Json& difference = torch.at("float32_difference");
    const auto learning_rate = torch.at("settings").at("learning_rate").get<float>();
    const LossResult before = own.train_step(images, targets(), {learning_rate, 0.9F, 0});
    EXPECT_NEAR(before.loss / torch.at("loss").get<double>(), 1, bound(difference.at("loss")));
    for (const train::Parameter* parameter : own.parameters()) {
        const Json& described = torch.at("gradients").at(parameter->name);
        EXPECT_EQ(Json(parameter->shape), described.at("shape")) << parameter->name;
        const std::vector<float> gradient =
            parameter->to_file_order({parameter->gradient.data(), parameter->gradient.size()});
        const std::vector<double> values(gradient.begin(), gradient.end());
        EXPECT_NEAR(norm_of(values) / described.at("norm").get<double>(), 1, bound(described.at("float32")))
            << parameter->name;
    }
    // What norms do not show: where the step along all gradients leads.
    const LossResult after = own.compute_gradients(images, targets());
    EXPECT_NEAR(after.loss / torch.at("loss_after_step").get<double>(), 1,
                bound(difference.at("loss_after_step")));
}

// Sums of gradients of weights are of one part per thread; all else is the same, bit for bit.
TEST_P(NetworkStep, TwoThreadsAreAsOne) {
    train::Network one = network({Policy::automatic, Choice::tables}),
                   two = network({Policy::automatic, Choice::tables}, 2);
    EXPECT_EQ(one.compute_gradients(images, targets()).loss, two.compute_gradients(images, targets()).loss);
    for (std::size_t p = 0; p < one.parameters().size(); ++p) {
        const train::Parameter &of_one = *one.parameters()[p], &of_two = *two.parameters()[p];
        const std::vector<double> expected(of_one.gradient.begin(), of_one.gradient.end());
        EXPECT_LE(distance({of_two.gradient.data(), of_two.gradient.size()}, expected), kLeastError)
            << of_one.name;
    }
}

// In the first step of a network with Fixup's initial weights, blocks change nothing and the last layer is
// zero: no gradient reaches a convolution.
TEST(FixupResNet50, FirstStepHasNoGradientsOfConvolutions) {
    train::ModelOptions options;
    options.image_size = 32;
    options.classes = 10;
    train::Network network(find_named(train::models(), "fixup_resnet50").make(options), 2, 1, 1);
    const std::vector<float> images = as_floats(fixed_step("fixup_resnet50", 2, 32, 10).images);
    const std::vector<std::int32_t> labels{3, 0};
    network.compute_gradients(images, {labels});
    int convolutions = 0;
    for (const train::Parameter* parameter : network.parameters()) {
        const auto is_zero = [](float value) { return value == 0; };
        if (parameter->shape.size() != 4) continue;
        ++convolutions;
        EXPECT_TRUE(std::ranges::all_of(parameter->gradient, is_zero)) << parameter->name;
        const bool is_last = parameter->name.ends_with("conv3.weight");
        EXPECT_EQ(std::ranges::all_of(parameter->value, is_zero), is_last) << parameter->name;
    }
    EXPECT_EQ(convolutions, 53);
    network.train_step(images, {labels}, {.learning_rate = 0.1F});
    network.compute_gradients(images, {labels});
    EXPECT_FALSE(std::ranges::all_of(network.parameters()[0]->gradient, [](float g) { return g == 0; }))
        << "nothing ever reaches one: the test says nothing";
}

TEST(Models, HaveTheParametersOfTorchvision) {
    for (const auto& [name, expected] : {std::pair{"vgg16", 138'357'544}, std::pair{"resnet18", 11'689'512},
                                         std::pair{"resnet34", 21'797'672}, std::pair{"resnet50", 25'557'032},
                                         std::pair{"fixup_resnet50", 25'504'026}}) {
        const train::Graph graph = find_named(train::models(), name).make({});
        std::size_t parameters = 0;
        for (const train::Parameter* parameter : parameters_of(graph)) parameters += parameter->elements();
        EXPECT_EQ(parameters, static_cast<std::size_t>(expected)) << name;
    }
}

}  // namespace
}  // namespace sparsetrain::test
