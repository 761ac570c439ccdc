// Training steps of the program's networks, from the fixed weights, against the reference in double and
// against what PyTorch made of the same: losses, gradients, running statistics.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "double_models.h"
#include "test_name.h"
#include "train/models/models.h"
#include "train/network.h"

namespace sparsetrain::test {
namespace {

using Json = nlohmann::json;

// How much farther from the truth than PyTorch in float a step may be, whose sums have other orders: what it
// measured of each tensor is in the files. Such a bound is no less and, for gradients, no more than these.
constexpr double kTimesPyTorch = 20, kLeastError = 1e-4, kMostError = 5e-3;

// Of millions of ReLUs and maxima some are within rounding of turning, and one that turns changes gradients
// by a hundredth or two. That is as it should be, but for few batches: where it happens another one is taken.
constexpr int kBatches = 4;
constexpr double kTurned = 0.05;  // where there is one batch only

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

bool is_left(const std::pair<const char*, std::string>& policy_and_fault) {
    return !policy_and_fault.second.empty();
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
        fixed_images_ = input.images.values;
    }

    // Other images: the same values, from elsewhere.
    void take_batch(int batch) {
        const auto by = static_cast<std::ptrdiff_t>(input.images.values.size()) / 7 * batch;
        std::vector<double> values = fixed_images_;
        std::ranges::rotate(values, values.begin() + by);
        input.images.values = values;
        images = as_floats(input.images);
    }

    // The fixed weights of deep residual networks bring ReLUs so close to zero that every rounding turns
    // some, and gradients change by a hundredth. They do not where residual branches, which end in
    // `last_norm`, count less.
    void calm(const char* last_norm) {
        for (auto& [name, parameter] : input.parameters)
            if (name.ends_with(last_norm))
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

    // What is wrong with gradients; empty: nothing is.
    std::string faults_of(const train::Network& network, const StepResult& expected) const {
        double largest_scalar = 0;
        for (const auto& [name, gradient] : expected.gradients)
            if (gradient.shape == std::vector{1})
                largest_scalar = std::max(largest_scalar, std::abs(gradient.values[0]));
        std::ostringstream faults;
        for (const train::Parameter* parameter : network.parameters()) {
            const DoubleTensor& gradient = expected.gradients.at(parameter->name);
            double error =
                distance(parameter->to_file_order({parameter->gradient.data(), parameter->gradient.size()}),
                         gradient.values);
            // Of scalars, which are sums of everything, some are what cancellation left.
            if (gradient.shape == std::vector{1}) error *= std::abs(gradient.values[0]) / largest_scalar;
            const double most =
                std::min(kMostError, bound(torch.at("gradients").at(parameter->name).at("float32")));
            if (!(error <= most)) faults << parameter->name << ": " << error << " > " << most << "\n";
        }
        return faults.str();
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

  private:
    std::vector<double> fixed_images_;
};
INSTANTIATE_TEST_SUITE_P(All, NetworkStep, testing::ValuesIn(double_model_names()), test_name);

TEST_P(NetworkStep, IsThatOfTheReference) {
    if (GetParam() == "resnet18" || GetParam() == "resnet34") calm("bn2.weight");
    if (GetParam() == "resnet50") calm("bn3.weight");
    std::vector<std::pair<const char*, std::string>> faults;
    for (const char* policy : {"dense", "zero_skip", "output_mask", "auto"})
        faults.emplace_back(policy, "not tried");
    for (int batch = 0; batch < kBatches && std::ranges::any_of(faults, is_left); ++batch) {
        take_batch(batch);
        const StepResult expected = double_step(GetParam(), input);
        for (auto& [policy, fault] : faults) {
            if (fault.empty()) continue;
            SCOPED_TRACE(policy);
            train::Network own = network({policy_from_string(policy), Choice::tables}, 2);
            const LossResult result = own.compute_gradients(images, targets());
            EXPECT_NEAR(result.loss / expected.loss, 1, bound(torch.at("float32_difference").at("loss")));
            EXPECT_EQ(own.parameters().size(), expected.gradients.size());
            fault = faults_of(own, expected);
        }
        train::Network stepped = network(Policy::dense);
        stepped.train_step(images, targets(), {});
        expect_running_statistics(stepped, expected);
    }
    for (const auto& [policy, fault] : faults) EXPECT_EQ(fault, "") << policy;
}

TEST_P(NetworkStep, IsThatOfPyTorch) {
    train::Network own = network({Policy::automatic, Choice::tables});
    const auto learning_rate = torch.at("settings").at("learning_rate").get<float>();
    const LossResult before = own.train_step(images, targets(), {learning_rate, 0.9F, 0});
    EXPECT_NEAR(before.loss / torch.at("loss").get<double>(), 1,
                bound(torch.at("float32_difference").at("loss")));
    for (const train::Parameter* parameter : own.parameters()) {
        const Json& described = torch.at("gradients").at(parameter->name);
        EXPECT_EQ(Json(parameter->shape), described.at("shape")) << parameter->name;
        const std::vector<float> gradient =
            parameter->to_file_order({parameter->gradient.data(), parameter->gradient.size()});
        const std::vector<double> values(gradient.begin(), gradient.end());
        EXPECT_NEAR(norm_of(values) / described.at("norm").get<double>(), 1, kTurned) << parameter->name;
    }
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
