#include "train/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "expect_error.h"
#include "small_graphs.h"
#include "train/models/models.h"

namespace sparsetrain::test {
namespace {

using train::Network;
using train::Parameter;

constexpr Sgd kSgd{.learning_rate = 0.02F, .momentum = 0.9F};
const train::KernelOptions kTables{Policy::automatic, Choice::tables};

using MakeGraph = train::Graph (*)(const train::KernelOptions&);
constexpr MakeGraph kGraphs[] = {small_graph, every_operator, concatenations};

std::vector<double> losses(Network network, const Batch& batch, int steps) {
    std::vector<double> result(static_cast<std::size_t>(steps));
    for (double& loss : result) loss = network.train_step(batch.images, batch.targets(), kSgd).loss;
    return result;
}

// All that a network has learnt or keeps.
std::vector<float> everything_of(const Network& network) {
    std::vector<float> all;
    for (const Parameter* parameter : network.parameters())
        for (const auto* array : {&parameter->value, &parameter->momentum})
            all.insert(all.end(), array->begin(), array->end());
    for (const train::State& state : network.states())
        all.insert(all.end(), state.values.begin(), state.values.end());
    for (const train::Counter& counter : network.counters())
        all.push_back(static_cast<float>(*counter.value));
    return all;
}

std::vector<float> gradients_in(const Network& network) {
    std::vector<float> all;
    for (const Parameter* parameter : network.parameters())
        all.insert(all.end(), parameter->gradient.begin(), parameter->gradient.end());
    return all;
}

TEST(Network, LearnsABatchByHeart) {
    const Batch batch = random_batch();
    for (const MakeGraph graph : kGraphs) {
        Network network(graph(kTables), kBatch, 1, 2);
        LossResult result;
        for (int i = 0; i < 100; ++i) result = network.train_step(batch.images, batch.targets(), kSgd);
        EXPECT_EQ(result.correct, kBatch);
        EXPECT_LT(result.loss, 0.2);
    }
}

// Along its gradient g a parameter changes the loss by |g|^2 per unit.
void expect_slope(Network& network, Parameter& parameter, const Batch& batch) {
    network.compute_gradients(batch.images, batch.targets());
    const std::vector<float> gradient(parameter.gradient.begin(), parameter.gradient.end());
    const std::vector<float> kept(parameter.value.begin(), parameter.value.end());
    double square = 0;
    for (const float g : gradient) square += static_cast<double>(g) * g;
    ASSERT_GT(square, 1e-8);
    const double distance = 1e-3 / std::sqrt(square);
    const auto loss_at = [&](double t) {
        for (std::size_t i = 0; i < kept.size(); ++i)
            parameter.value[i] = kept[i] + static_cast<float>(t * gradient[i]);
        return network.compute_gradients(batch.images, batch.targets()).loss;
    };
    const double slope = (loss_at(distance) - loss_at(-distance)) / (2 * distance);
    std::copy(kept.begin(), kept.end(), parameter.value.begin());
    // ReLUs and pools that turn within the distance, and logits that are rounded.
    EXPECT_NEAR(slope / square, 1, 0.03 + 5e-4 / std::sqrt(square));
}

TEST(Network, GradientsAreTheSlopeOfTheLoss) {
    const Batch batch = random_batch();
    for (const MakeGraph graph : kGraphs)
        for (const Policy policy : {Policy::dense, Policy::zero_skip, Policy::output_mask}) {
            Network network(graph(policy), kBatch, 1, 1);
            for (Parameter* parameter : network.parameters()) {
                SCOPED_TRACE(parameter->name + " " + to_string(policy));
                expect_slope(network, *parameter, batch);
            }
        }
}

TEST(Network, AllKernelsTrainAlike) {
    const Batch batch = random_batch();
    for (const MakeGraph graph : kGraphs) {
        const std::vector<double> dense = losses(Network(graph(Policy::dense), kBatch, 1, 1), batch, 20);
        for (const train::KernelOptions& kernels :
             {train::KernelOptions(Policy::zero_skip), train::KernelOptions(Policy::output_mask), kTables}) {
            const std::vector<double> other = losses(Network(graph(kernels), kBatch, 1, 1), batch, 20);
            for (std::size_t i = 0; i < dense.size(); ++i)
                EXPECT_NEAR(other[i], dense[i], 0.02 * dense[i] + 0.002)
                    << to_string(kernels.policy) << " " << i;
        }
        EXPECT_LT(dense.back(), dense.front());
    }
}

TEST(Network, OneSeedIsOneRun) {
    const Batch batch = random_batch();
    for (const MakeGraph graph : kGraphs)
        for (const train::KernelOptions& kernels : {train::KernelOptions(Policy::zero_skip), kTables}) {
            const auto run = [&](unsigned seed) {
                return losses(Network(graph(kernels), kBatch, seed, 2), batch, 5);
            };
            EXPECT_EQ(run(1), run(1));
            EXPECT_NE(run(1), run(2));
        }
}

// Each output is one thread's: only sums of gradients are cut among threads.
TEST(Network, TwoThreadsEvaluateAsOneDoesBitForBit) {
    const Batch batch = random_batch();
    for (const MakeGraph graph : kGraphs) {
        Network one(graph(kTables), kBatch, 1, 1), two(graph(kTables), kBatch, 1, 2);
        EXPECT_EQ(one.evaluate(batch.images, batch.labels).loss,
                  two.evaluate(batch.images, batch.labels).loss);
        for (int i = 0; i < 5; ++i) {
            const double expected = one.train_step(batch.images, batch.targets(), kSgd).loss;
            EXPECT_NEAR(two.train_step(batch.images, batch.targets(), kSgd).loss, expected, 1e-3 * expected);
        }
    }
}

double sum_of_magnitudes(std::span<const float> values) {
    double sum = 0;
    for (const float value : values) sum += std::abs(value);
    return sum;
}

TEST(Network, StepsKeepTheLanesThatPadChannelsZero) {
    const Batch batch = random_batch();
    for (const MakeGraph graph : kGraphs) {
        Network network(graph(Policy::zero_skip), kBatch, 1, 1);
        for (int i = 0; i < 3; ++i)
            network.train_step(batch.images, batch.targets(), {0.02F, 0.9F, 0.01F, true});
        for (const Parameter* parameter : network.parameters())
            for (const auto* array : {&parameter->value, &parameter->gradient, &parameter->momentum}) {
                const std::span<const float> all(array->data(), array->size());
                EXPECT_EQ(all.size() % kLanes, 0U);
                const double logical = sum_of_magnitudes(parameter->to_file_order(all));
                EXPECT_NEAR(sum_of_magnitudes(all), logical, 1e-9 * logical) << parameter->name;
                EXPECT_GT(logical, 0) << parameter->name;
            }
    }
}

TEST(Network, ASmallerBatchIsAsOfANetworkMadeForIt) {
    const Batch batch = random_batch(3);
    for (const MakeGraph graph : kGraphs) {
        Network large(graph(kTables), kBatch, 1, 2), small(graph(kTables), 3, 1, 2);
        for (int i = 0; i < 3; ++i) {
            const LossResult expected = small.train_step(batch.images, batch.targets(), kSgd);
            EXPECT_EQ(large.train_step(batch.images, batch.targets(), kSgd).loss, expected.loss);
        }
        EXPECT_EQ(everything_of(large), everything_of(small));
        EXPECT_EQ(large.evaluate(batch.images, batch.labels).loss,
                  small.evaluate(batch.images, batch.labels).loss);
        // And a full one afterwards.
        const Batch full = random_batch();
        EXPECT_TRUE(std::isfinite(large.train_step(full.images, full.targets(), kSgd).loss));
    }
}

TEST(Network, EvaluateTakesPartOfABatch) {
    const Batch batch = random_batch();
    for (const MakeGraph graph : kGraphs) {
        Network network(graph(kTables), kBatch, 1, 1);
        const std::size_t image = batch.images.size() / kBatch;
        const double all = network.evaluate(batch.images, batch.labels).loss;
        double sum = 0;
        for (std::size_t n = 0; n < kBatch; ++n)
            sum += network
                       .evaluate(std::span(batch.images).subspan(n * image, image),
                                 std::span(batch.labels).subspan(n, 1))
                       .loss;
        EXPECT_NEAR(sum / kBatch, all, 1e-5);
        EXPECT_EQ(network.evaluate(batch.images, batch.labels).loss, all);
    }
}

TEST(Network, OnlyTrainStepsChangeIt) {
    const Batch batch = random_batch();
    Network network(every_operator(kTables), kBatch, 1, 1);
    network.train_step(batch.images, batch.targets(), kSgd);
    const std::vector<float> before = everything_of(network), gradients = gradients_in(network);
    network.evaluate(batch.images, batch.labels);
    EXPECT_EQ(everything_of(network), before) << "by evaluate";
    EXPECT_EQ(gradients_in(network), gradients) << "by evaluate";
    const double loss = network.compute_gradients(batch.images, batch.targets()).loss;
    EXPECT_EQ(everything_of(network), before) << "by compute_gradients";
    EXPECT_EQ(network.compute_gradients(batch.images, batch.targets()).loss, loss) << "dropout drops others";
    network.train_step(batch.images, batch.targets(), kSgd);
    EXPECT_NE(everything_of(network), before);
    EXPECT_EQ(*network.counters().front().value, 2);
    EXPECT_EQ(network.states().front().name, "bn1.running_mean");
}

std::vector<float> gradients_of(Network& network, const Batch& batch) {
    network.compute_gradients(batch.images, batch.targets());
    return gradients_in(network);
}

TEST(Network, AStepThatIsRefusedChangesNothing) {
    const Batch batch = random_batch();
    Network network(every_operator(kTables), kBatch, 1, 1);
    network.train_step(batch.images, batch.targets(), kSgd);
    const std::vector<float> before = everything_of(network);
    const std::vector<std::int32_t> wrong{0, 1, 2, kClasses};
    expect_error(ErrorCode::invalid_argument, {"Network::train_step", "labels", "4", "5"},
                 [&] { network.train_step(batch.images, {wrong}, kSgd); });
    expect_error(ErrorCode::invalid_argument, {"Network::train_step", "smoothing", "below 1", "1"},
                 [&] { network.train_step(batch.images, {.labels = batch.labels, .smoothing = 1}, kSgd); });
    EXPECT_EQ(everything_of(network), before);
}

// A channel of one value has no variance.
TEST(Network, BatchNormalisationOfOnePixelNeedsTwoImages) {
    train::Graph graph(kImages);
    const train::Value means = add<train::GlobalAveragePool>(
        graph, "mean",
        add<train::Convolution>(graph, "conv", graph.images(), train::ConvolutionOptions{.k = 16}));
    const train::Value normal = add<train::BatchNormalisation>(graph, "bn", means, false);
    const train::Value features = add<train::Features>(graph, "features", normal);
    add<train::Convolution>(graph, "fc", features, train::ConvolutionOptions{.k = kClasses},
                            train::ValueShape{16, 1, 1});
    Network network(std::move(graph), 2, 1, 1);
    const Batch one = random_batch(1), two = random_batch(2);
    expect_error(ErrorCode::invalid_argument, {"Network::train_step", "images", "at least 2", "bn", "1"},
                 [&] { network.train_step(one.images, one.targets(), kSgd); });
    EXPECT_EQ(*network.counters().front().value, 0);
    network.train_step(two.images, two.targets(), kSgd);
    EXPECT_TRUE(std::isfinite(network.evaluate(one.images, one.labels).loss));
}

// Nothing is read that the step itself has not written.
TEST(Network, WhatAStepBeforeLeftInMemoryDoesNotMatter) {
    const Batch batch = random_batch(3);
    Batch nothing = random_batch();
    std::fill(nothing.images.begin(), nothing.images.end(), std::nanf(""));
    for (const MakeGraph graph : kGraphs)
        for (const train::KernelOptions& kernels : {train::KernelOptions(Policy::zero_skip), kTables}) {
            Network network(graph(kernels), kBatch, 1, 2);
            const std::vector<float> expected = gradients_of(network, batch);
            const double loss = network.evaluate(batch.images, batch.labels).loss;
            ASSERT_TRUE(std::isfinite(loss));
            const std::vector<float> none = gradients_of(network, nothing);
            EXPECT_GT(std::ranges::count_if(none, [](float g) { return std::isnan(g); }), 1000);
            EXPECT_EQ(network.evaluate(batch.images, batch.labels).loss, loss);
            gradients_of(network, nothing);
            EXPECT_EQ(gradients_of(network, batch), expected);
        }
}

// Behind a hidden layer; rate 0: none.
train::Graph graph_with_dropout(float rate) {
    train::Graph graph(kImages);
    const train::Value features = add<train::Features>(graph, "features", graph.images());
    train::Value value = add<train::Convolution>(
        graph, "hidden", features,
        train::ConvolutionOptions{.k = 40, .has_relu = true, .weights = normal(0.1F), .kernels = kTables},
        kImages);
    if (rate > 0) value = add<train::Dropout>(graph, "dropout", value, rate, std::uint64_t{5});
    add<train::Convolution>(
        graph, "fc", value,
        train::ConvolutionOptions{.k = kClasses, .weights = normal(0.2F), .kernels = kTables},
        train::ValueShape{40, 1, 1});
    return graph;
}

TEST(Network, DropoutIsOfTrainingAndOfEachStepItsOwn) {
    const Batch batch = random_batch();
    Network with(graph_with_dropout(0.5F), kBatch, 1, 1), without(graph_with_dropout(0), kBatch, 1, 1);
    EXPECT_EQ(with.evaluate(batch.images, batch.labels).loss,
              without.evaluate(batch.images, batch.labels).loss);
    std::vector<double> found(3);
    for (double& loss : found)
        loss = with.train_step(batch.images, batch.targets(), {.learning_rate = 0}).loss;
    found.push_back(without.train_step(batch.images, batch.targets(), {.learning_rate = 0}).loss);
    for (std::size_t i = 0; i < found.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) EXPECT_NE(found[i], found[j]) << i << " " << j;
}

// What compute_gradients finds is what train_step adds to a momentum of zero.
TEST(Network, TrainStepsAddTheGradients) {
    const Batch batch = random_batch();
    Network network(small_graph(kTables), kBatch, 1, 1);
    network.compute_gradients(batch.images, batch.targets());
    std::vector<std::vector<float>> gradients;
    for (const Parameter* parameter : network.parameters())
        gradients.emplace_back(parameter->gradient.begin(), parameter->gradient.end());
    network.train_step(batch.images, batch.targets(), kSgd);
    for (std::size_t p = 0; p < gradients.size(); ++p) {
        const AlignedArray<float>& momentum = network.parameters()[p]->momentum;
        EXPECT_TRUE(std::equal(gradients[p].begin(), gradients[p].end(), momentum.begin(), momentum.end()))
            << network.parameters()[p]->name;
    }
}

TEST(Network, RatesAndDecayAreTheParametersOwn) {
    const Batch batch = random_batch();
    Network network(small_graph(kTables), kBatch, 1, 1);
    Parameter &weight = *network.parameters()[0], &bias = *network.parameters()[1];
    ASSERT_TRUE(weight.decayed);
    ASSERT_FALSE(bias.decayed);
    weight.rate = 0.5F;
    bias.value[3] = 0.25F;
    const float before = weight.value[3], bias_before = bias.value[3];
    network.train_step(batch.images, batch.targets(),
                       {.learning_rate = 0.1F, .momentum = 0, .weight_decay = 0.01F});
    EXPECT_FLOAT_EQ(weight.value[3], before - 0.05F * (weight.gradient[3] + 0.01F * before));
    EXPECT_FLOAT_EQ(bias.value[3], bias_before - 0.1F * bias.gradient[3]);
}

TEST(Network, SaysWhatItsTimeWentTo) {
    const Batch batch = random_batch();
    Network network(every_operator(kTables), kBatch, 1, 1);
    EXPECT_EQ(network.times().total(), 0);
    const double start = network.times().now();
    network.train_step(batch.images, batch.targets(), kSgd);
    EXPECT_LE(network.times().total(), network.times().now() - start) << "some of it counts twice";
    for (std::size_t i = 0; i < train::kWorks; ++i)
        EXPECT_GT(network.times().of(static_cast<train::Work>(i)), 0)
            << to_string(static_cast<train::Work>(i));
    const double first = network.times().total();
    network.evaluate(batch.images, batch.labels);
    EXPECT_EQ(network.times().total(), first) << "times are those of a training step";
}

TEST(Network, TakesTheMemoryThatIsPlannedWithoutIt) {
    for (const MakeGraph graph : kGraphs) {
        const train::MemoryPlan planned = train::memory_of(graph(kTables), kBatch, 1);
        const Network network(graph(kTables), kBatch, 1, 1);
        EXPECT_EQ(network.memory().total(), planned.total());
        EXPECT_EQ(planned.total(), planned.arena + planned.parameters + planned.packed + planned.scratch);
        EXPECT_GT(train::memory_of(graph(kTables), 2 * kBatch, 1).arena, planned.arena);
        std::size_t parameters = 0;
        for (const Parameter* parameter : network.parameters())
            parameters += std::size_t{3} * 4 * parameter->value.size();
        EXPECT_GE(planned.parameters, parameters);
    }
}

TEST(Network, ErrorsNameWhatIsWrong) {
    const Batch batch = random_batch();
    Network network(small_graph(Policy::dense), kBatch, 1, 1);
    const std::span<const float> images(batch.images);
    const std::span<const std::int32_t> labels(batch.labels);
    constexpr ErrorCode kInvalid = ErrorCode::invalid_argument;
    expect_error(kInvalid, {"Network::train_step", "images", "648", "864"},
                 [&] { network.train_step(images, {labels.first(3)}, kSgd); });
    expect_error(kInvalid, {"Network::train_step", "images", "864", "10"},
                 [&] { network.train_step(images.first(10), {labels}, kSgd); });
    const Batch large = random_batch(5);
    expect_error(kInvalid, {"Network::compute_gradients", "labels", "1 to 4", "5"},
                 [&] { network.compute_gradients(large.images, large.targets()); });
    expect_error(kInvalid, {"Network::evaluate", "labels", "1 to 4", "0"}, [&] { network.evaluate({}, {}); });
    const std::vector<std::int32_t> wrong{0, 1, 2, kClasses};
    expect_error(kInvalid, {"labels", "4", "5"}, [&] { network.evaluate(images, wrong); });
    expect_error(kInvalid, {"Network", "most_images", "at least 1", "0"},
                 [] { Network(small_graph(Policy::dense), 0, 1, 1); });
    expect_error(kInvalid, {"threads", "0"}, [] { Network(small_graph(Policy::dense), 1, 1, 0); });
    expect_error(kInvalid, {"Network", "operators", "none"}, [] { Network(train::Graph(kImages), 1, 1, 1); });
    expect_error(kInvalid, {"Graph", "images", "C0"}, [] { train::Graph({0, 4, 4}); });
}

TEST(Network, LogitsAreFeaturesBehindNoRelu) {
    constexpr ErrorCode kInvalid = ErrorCode::invalid_argument;
    expect_error(kInvalid, {"Network", "logits", "features", "H4 W4"}, [] {
        train::Graph graph(kImages);
        add<train::MaxPool>(graph, "pool", graph.images(), PoolWindow{});
        Network(std::move(graph), 1, 1, 1);
    });
    expect_error(kInvalid, {"Network", "logits", "behind one"}, [] {
        train::Graph graph(kImages);
        linear(graph, graph.images(), {.k = 5, .has_relu = true});
        Network(std::move(graph), 1, 1, 1);
    });
    expect_error(kInvalid, {"AddRelu", "b", "C3 H9 W8", "C3 H4 W4"}, [] {
        train::Graph graph(kImages);
        const train::Value pooled = add<train::MaxPool>(graph, "pool", graph.images(), PoolWindow{});
        train::AddRelu("add", graph.images(), pooled);
    });
}

TEST(VggSmall, HasSevenConvolutionsOfWhichTheFirstIsDense) {
    train::ModelOptions options;
    options.channels = 1;
    options.image_size = 28;
    options.classes = 10;
    options.kernels = Policy::zero_skip;
    const Network network(find_named(train::models(), "vgg-small").make(options), 2, 1, 1);
    const std::vector<Shape> expected{{2, 64, 28, 28},  {2, 64, 28, 28}, {2, 128, 14, 14}, {2, 128, 14, 14},
                                      {2, 128, 14, 14}, {2, 256, 7, 7},  {2, 256, 7, 7}};
    ASSERT_EQ(network.convolutions().size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(network.convolutions()[i]->shape(2).dst(), expected[i]);
        EXPECT_EQ(network.convolutions()[i]->plan(2).policy(), i == 0 ? Policy::dense : Policy::zero_skip);
    }
    EXPECT_EQ(network.classes(), 10);
    EXPECT_EQ(network.convolutions()[6]->name(), "conv7");
}

}  // namespace
}  // namespace sparsetrain::test
