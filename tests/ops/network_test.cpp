#include "train/network.h"

#include <cmath>

#include "support.h"
#include "train/fully_connected.h"
#include "train/max_pool.h"
#include "train/models.h"

namespace sparsetrain::test {
namespace {

constexpr Shape kInput{4, 3, 9, 8};
constexpr int kClasses = 5;

// Convolution, pool, convolution, fully connected: every operator's gradient feeds another's.
train::Network small_network(train::KernelOptions kernels, int threads, unsigned seed = 1) {
    using train::Convolution;
    train::Random random(seed);
    const ConvShape first{.src = kInput, .k = 20, .padding = {1, 1, 1, 1}};
    const Shape pooled{kInput.n, 20, 4, 4};
    const ConvShape second{.src = pooled, .k = 24, .padding = {1, 1, 1, 1}};
    train::Network::Operators operators;
    operators.push_back(
        std::make_unique<Convolution>("conv1", first, Policy::dense, Convolution::Activate::relu, random));
    operators.push_back(std::make_unique<train::MaxPool2x2>("pool", first.dst()));
    operators.push_back(
        std::make_unique<Convolution>("conv2", second, kernels, Convolution::Activate::relu, random));
    operators.push_back(std::make_unique<train::FullyConnected>("fc", second.dst(), kClasses, random));
    return train::Network(kInput, std::move(operators), threads);
}

struct Batch {
    std::vector<float> images;
    std::vector<std::int32_t> labels;
};

Batch random_batch(const Shape& input, int classes) {
    train::Random random(3);
    Batch batch;
    for (int i = 0; i < input.n * input.c * input.h * input.w; ++i)
        batch.images.push_back(random.symmetric(1));
    for (int n = 0; n < input.n; ++n) batch.labels.push_back(n % classes);
    return batch;
}

std::vector<double> losses(train::Network network, const Batch& batch, int steps) {
    std::vector<double> result;
    for (int i = 0; i < steps; ++i)
        result.push_back(network.train_step(batch.images, batch.labels, {0.02F, 0.9F, 0}).loss);
    return result;
}

TEST(Network, LearnsABatchByHeart) {
    const Batch batch = random_batch(kInput, kClasses);
    train::Network network = small_network(Policy::automatic, 2);
    LossResult result;
    for (int i = 0; i < 60; ++i) result = network.train_step(batch.images, batch.labels, {0.02F, 0.9F, 0});
    EXPECT_EQ(result.correct, kInput.n);
    EXPECT_LT(result.loss, 0.1);
}

// Along its gradient g a parameter changes the loss by |g|^2 per unit.
TEST(Network, GradientsAreTheSlopeOfTheLoss) {
    const Batch batch = random_batch(kInput, kClasses);
    for (const Policy policy : {Policy::dense, Policy::zero_skip, Policy::output_mask}) {
        train::Network network = small_network(policy, 1);
        for (std::size_t p = 0; p < network.parameters().size(); ++p) {
            const train::Parameter& parameter = network.parameters()[p];
            SCOPED_TRACE(parameter.name + " " + to_string(policy));
            network.train_step(batch.images, batch.labels, {0, 0, 0});
            const std::vector<float> gradient(parameter.gradient.begin(), parameter.gradient.end());
            double square = 0;
            for (const float g : gradient) square += static_cast<double>(g) * g;
            ASSERT_GT(square, 1e-8);
            const double distance = 1e-3 / std::sqrt(square);
            const auto loss_at = [&](double t) {
                const std::vector<float> kept(parameter.value.begin(), parameter.value.end());
                for (std::size_t i = 0; i < kept.size(); ++i)
                    parameter.value[i] += static_cast<float>(t * gradient[i]);
                // A step of length zero tells operators that parameters changed.
                network.train_step(batch.images, batch.labels, {0, 0, 0});
                const double loss = network.evaluate(batch.images, batch.labels).loss;
                std::copy(kept.begin(), kept.end(), parameter.value.begin());
                return loss;
            };
            const double slope = (loss_at(distance) - loss_at(-distance)) / (2 * distance);
            EXPECT_NEAR(slope / square, 1, 0.03);
        }
    }
}

TEST(Network, AllKernelsTrainAlike) {
    const Batch batch = random_batch(kInput, kClasses);
    const std::vector<double> dense = losses(small_network(Policy::dense, 1), batch, 20);
    for (const Policy policy : {Policy::zero_skip, Policy::output_mask}) {
        const std::vector<double> other = losses(small_network(policy, 1), batch, 20);
        for (std::size_t i = 0; i < dense.size(); ++i)
            EXPECT_NEAR(other[i] / dense[i], 1, 0.02) << to_string(policy) << " " << i;
    }
    EXPECT_LT(dense.back(), dense.front());
}

TEST(Network, OneSeedIsOneRun) {
    const Batch batch = random_batch(kInput, kClasses);
    const auto run = [&](unsigned seed) {
        return losses(small_network(Policy::zero_skip, 2, seed), batch, 5);
    };
    EXPECT_EQ(run(1), run(1));
    EXPECT_NE(run(1), run(2));
}

TEST(Network, StepKeepsPaddingZero) {
    const Batch batch = random_batch(kInput, kClasses);
    train::Network network = small_network(Policy::zero_skip, 1);
    for (int i = 0; i < 3; ++i) network.train_step(batch.images, batch.labels, {0.02F, 0.9F, 0.01F});
    const train::Parameter& weights = network.parameters()[2];
    ASSERT_EQ(weights.name, "conv2.weights");
    const WeightsShape logical{24, 20, 3, 3}, padded{32, 32, 3, 3};
    for_each({padded.k, padded.c, 3, 3}, [&](int k, int c, int r, int s) {
        if (k >= logical.k || c >= logical.c) {
            ASSERT_EQ(weights.value[padded.offset(k, c, r, s)], 0);
        }
    });
}

TEST(Network, EvaluateTakesPartOfABatchAndChangesNoParameter) {
    const Batch batch = random_batch(kInput, kClasses);
    train::Network network = small_network({Policy::automatic, Choice::tables}, 1);
    const std::size_t image = batch.images.size() / batch.labels.size();
    const double all = network.evaluate(batch.images, batch.labels).loss;
    double sum = 0;
    for (std::size_t n = 0; n < batch.labels.size(); ++n)
        sum += network
                   .evaluate(std::span(batch.images).subspan(n * image, image),
                             std::span(batch.labels).subspan(n, 1))
                   .loss;
    EXPECT_NEAR(sum / static_cast<double>(batch.labels.size()), all, 1e-5);
    EXPECT_EQ(network.evaluate(batch.images, batch.labels).loss, all);
}

TEST(Network, ErrorsNameWhatIsWrong) {
    const Batch batch = random_batch(kInput, kClasses);
    train::Network network = small_network(Policy::dense, 1);
    const std::span<const float> images(batch.images);
    const std::span<const std::int32_t> labels(batch.labels);
    expect_invalid([&] { network.train_step(images, labels.first(3), {}); }, {"labels", "4", "3"});
    expect_invalid([&] { network.train_step(images.first(10), labels, {}); }, {"images", "864", "10"});
    expect_invalid([&] { network.evaluate({}, {}); }, {"evaluate", "labels", "1 to 4", "0"});
    expect_invalid([] { train::Network(kInput, {}, 1); }, {"Network", "operators", "none"});
    train::Network::Operators no_logits;
    no_logits.push_back(std::make_unique<train::MaxPool2x2>("pool", kInput));
    expect_invalid([&] { train::Network(kInput, std::move(no_logits), 1); }, {"logits", "H1 W1", "H4 W4"});
}

TEST(VggSmall, HasSevenConvolutionsOfWhichTheFirstIsDense) {
    const train::Network network = train::vgg_small(2, 1, Policy::zero_skip, 1);
    const std::vector<Shape> expected{{2, 64, 28, 28},  {2, 64, 28, 28}, {2, 128, 14, 14}, {2, 128, 14, 14},
                                      {2, 128, 14, 14}, {2, 256, 7, 7},  {2, 256, 7, 7}};
    ASSERT_EQ(network.convolutions().size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(network.convolutions()[i]->dst_shape(), expected[i]);
        EXPECT_EQ(network.convolutions()[i]->plan().policy(), i == 0 ? Policy::dense : Policy::zero_skip);
    }
    EXPECT_EQ(network.classes(), 10);
    EXPECT_EQ(network.convolutions()[6]->name(), "conv7");
}

}  // namespace
}  // namespace sparsetrain::test
