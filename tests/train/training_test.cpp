// Whole training steps: kernels that skip against dense, from one seed, on real images.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "cli/layer_report.h"
#include "dense_pass.h"
#include "kernel_in_use.h"
#include "train/images.h"
#include "train/models/models.h"

namespace sparsetrain::train {
namespace {

constexpr int kBatch = 8;
constexpr ImageFormat kFormat{28, 1};
const KernelOptions kAutoByTables{Policy::automatic, Choice::tables};

Network network(const KernelOptions& kernels) {
    return {find_named(models(), "vgg-small")
                .make({.channels = 1, .image_size = kFormat.size, .classes = 10, .kernels = kernels}),
            kBatch, 1, 1};
}

class TrainingSteps : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        const TrainingData data = load_data("fashion-mnist", "");
        batches_.clear();
        for (int step = 0; step < 20; ++step)
            batches_.push_back(data.train->consecutive(step * kBatch, kBatch, kFormat));
    }
    static LossResult step(Network& net, int index, const Sgd& sgd) {
        const Batch& batch = batches_[static_cast<std::size_t>(index)];
        return net.train_step(batch.images, {batch.labels}, sgd);
    }
    // Of the first batch.
    static void compute_gradients(Network& net, ConvolutionWatch* watch = nullptr) {
        net.compute_gradients(batches_[0].images, {batches_[0].labels}, watch);
    }

    static inline std::vector<Batch> batches_;
};

TEST_F(TrainingSteps, LossOfTwentyStepsAgreesWithDense) {
    const Sgd sgd{.learning_rate = 0.005F, .momentum = 0.9F, .weight_decay = 5e-4F};
    Network dense = network(Policy::dense), sparse = network(Policy::zero_skip),
            chosen = network(kAutoByTables), measured = network(Policy::automatic);
    double first = 0, last = 0;
    for (int i = 0; i < 20; ++i) {
        const double expected = step(dense, i, sgd).loss;
        for (Network* other : {&sparse, &chosen, &measured})
            EXPECT_NEAR(step(*other, i, sgd).loss, expected, 0.02 * expected) << "step " << i;
        (i < 5 ? first : last) += expected / (i < 5 ? 5 : 15);
    }
    EXPECT_LT(last, first) << "nothing was learnt: the comparison says nothing";
}

// Of the convolutions but the first.
class KernelsWatch : public ConvolutionWatch {
  public:
    explicit KernelsWatch(Kernel kernel) : kernel_(kernel) {}

    void passed(const Convolution& convolution, const PassCall& call) override {
        if (convolution.name() == "conv1" || convolution.is_linear()) return;
        SCOPED_TRACE(convolution.name() + " " + to_string(call.pass));
        EXPECT_EQ(call.statistics.kernel, test::in_use(kernel_));
        if (call.src) expect_some_zeros(call.src->tensor);
        if (call.diff_dst) expect_some_zeros(call.diff_dst->tensor);
        ++passes;
    }

    int passes = 0;

  private:
    static void expect_some_zeros(ConstTensorView tensor) {
        EXPECT_GT(cli::percentage_of_zeros(tensor), 10);
        EXPECT_LT(cli::percentage_of_zeros(tensor), 99);
    }

    Kernel kernel_;
};

TEST_F(TrainingSteps, PoliciesRunTheKernelsThatTheyName) {
    for (const auto& [policy, kernel] :
         {std::pair{Policy::dense, Kernel::dense}, std::pair{Policy::zero_skip, Kernel::zero_skip}}) {
        Network net = network(policy);
        KernelsWatch watch(kernel);
        compute_gradients(net, &watch);
        EXPECT_EQ(watch.passes, 6 * 3);
        for (const Convolution* convolution : net.convolutions().subspan(1))
            for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights}) {
                EXPECT_EQ(convolution->last_run(pass).statistics.kernel, test::in_use(kernel));
                EXPECT_GT(convolution->last_run(pass).seconds, 0);
            }
    }
}

TEST_F(TrainingSteps, ReplayRunsTheKernelsOfItsStep) {
    for (const Policy policy : {Policy::dense, Policy::zero_skip, Policy::automatic}) {
        Network net = network(policy);
        const std::vector<cli::LayerReport> layers =
            cli::replay_step(net, batches_[0].images, {batches_[0].labels});
        ASSERT_EQ(layers.size(), net.convolutions().size());
        for (std::size_t i = 0; i < layers.size(); ++i) {
            EXPECT_EQ(layers[i].name, net.convolutions()[i]->name());
            ASSERT_EQ(layers[i].passes.size(), i == 0 ? 2U : 3U);
            for (const cli::PassReport& report : layers[i].passes) {
                SCOPED_TRACE(std::string(to_string(policy)) + " " + layers[i].name + " " +
                             to_string(report.pass));
                const RunStatistics& run = net.convolutions()[i]->last_run(report.pass).statistics;
                EXPECT_EQ(report.kernel, run.kernel);
                EXPECT_EQ(report.skipped, run.skipped);
                EXPECT_GT(report.chosen_ms, 0);
                EXPECT_GT(report.dense_ms, 0);
                if (report.pass == Pass::bwd_weights && i > 0) {  // the masks of both operands tell
                    EXPECT_EQ(run.skipped, layers[i].zeros_diff_dst > layers[i].zeros_src ? Operand::diff_dst
                                                                                          : Operand::src);
                }
            }
        }
    }
}

// Every pass that goes by, again and dense.
class DenseWatch : public ConvolutionWatch {
  public:
    explicit DenseWatch(const Network& net) {
        for (const Parameter* parameter : net.parameters()) parameters_[parameter->name] = parameter;
    }

    void passed(const Convolution& convolution, const PassCall& call) override {
        SCOPED_TRACE(convolution.name() + " " + to_string(call.pass));
        const test::DensePass expected = test::dense_pass(convolution, call);
        if (call.pass != Pass::bwd_weights) {
            test::expect_within_summation_error({call.dst.data, call.dst.shape.elements()}, expected);
        } else {
            const Parameter& weight = *parameters_.at(convolution.name() + ".weight");
            test::expect_within_summation_error({weight.gradient.data(), weight.gradient.size()}, expected);
            const auto bias = parameters_.find(convolution.name() + ".bias");
            if (bias != parameters_.end()) check_bias(*call.diff_dst, bias->second->gradient);
        }
        ++passes;
    }

    int passes = 0;

  private:
    static void check_bias(const SparseInput& diff_dst, const AlignedArray<float>& gradient) {
        const Shape& shape = diff_dst.tensor.shape;
        const int pixels = shape.h * shape.w;
        for (int k = 0; k < shape.c; ++k) {
            double sum = 0, magnitude = 0;
            for (int n = 0; n < shape.n; ++n)
                for (int pixel = 0; pixel < pixels; ++pixel) {
                    const int block = n * channel_blocks(shape.c) + k / kLanes;
                    const float value = diff_dst.tensor.data[(block * pixels + pixel) * kLanes + k % kLanes];
                    sum += value;
                    magnitude += std::fabs(value);
                }
            EXPECT_NEAR(gradient[static_cast<std::size_t>(k)], sum,
                        1.01 * shape.n * pixels * test::kUnitRoundoff * magnitude)
                << "channel " << k;
        }
    }

    std::map<std::string, const Parameter*> parameters_;
};

TEST_F(TrainingSteps, TensorsOfAStepAgreeWithDenseWithinTheErrorOfSummation) {
    for (const Policy policy : {Policy::zero_skip, Policy::output_mask, Policy::automatic}) {
        SCOPED_TRACE(to_string(policy));
        Network sparse = network(policy);
        DenseWatch watch(sparse);
        compute_gradients(sparse, &watch);
        EXPECT_EQ(watch.passes, 8 * 3 - 1)
            << "seven convolutions and a linear layer, the first without bwd_data";
    }
}

TEST(ResidualSteps, TensorsAgreeWithDenseWithinTheErrorOfSummation) {
    std::vector<float> images(std::size_t{4} * 3 * 64 * 64);
    Random random(2);
    for (float& value : images) value = random.symmetric(1);
    const std::vector<std::int32_t> labels{1, 2, 3, 4};
    Network net(find_named(models(), "resnet18")
                    .make({.image_size = 64, .classes = 10, .kernels = Policy::zero_skip}),
                4, 1, 2);
    DenseWatch watch(net);
    net.compute_gradients(images, {labels}, &watch);
    EXPECT_EQ(watch.passes, 21 * 3 - 1);
}

// A pass that went by can be run again with any plan, and gives what it gave.
class AgainWatch : public ConvolutionWatch {
  public:
    void passed(const Convolution& convolution, const PassCall& call) override {
        SCOPED_TRACE(convolution.name() + " " + to_string(call.pass));
        const ConvShape shape = convolution.shape(kBatch);
        for (const Policy policy : {Policy::dense, Policy::zero_skip}) {
            const RunStatistics run = call.run(Conv2d(shape, policy));
            EXPECT_EQ(run.pass, call.pass);
            if (!convolution.is_linear() && convolution.name() != "conv1") {
                EXPECT_EQ(run.kernel,
                          test::in_use(policy == Policy::dense ? Kernel::dense : Kernel::zero_skip));
            }
            if (call.pass != Pass::bwd_weights)
                test::expect_within_summation_error({call.dst.data, call.dst.shape.elements()},
                                                    test::dense_pass(convolution, call));
        }
        ++passes;
    }

    int passes = 0;
};

TEST_F(TrainingSteps, APassCanBeRunAgainWhileItsOperandsAreThere) {
    Network net = network(Policy::zero_skip);
    AgainWatch watch;
    net.set_watch(&watch);
    const double loss = step(net, 0, {}).loss;
    EXPECT_EQ(watch.passes, 8 * 3 - 1);
    net.set_watch(nullptr);
    step(net, 1, {});
    EXPECT_EQ(watch.passes, 8 * 3 - 1) << "nobody watches";
    Network alone = network(Policy::zero_skip);
    EXPECT_NEAR(step(alone, 0, {}).loss, loss, 1e-5 * loss);
}

// From the images to the gradients both networks go their own way. What they may differ by is an estimate and
// no bound: each pass errs by at most its terms times the unit roundoff, in the 2-norm and relative to the
// absolute products; it supposes that later passes do not amplify the errors, that cancellation is mild, and
// that no rounding turns a ReLU or the choice of a max pool. The tests above have the bound.
double estimate_of_whole_step(const Network& net) {
    double terms = 0;
    for (const Convolution* convolution : net.convolutions()) {
        const ConvShape shape = convolution->shape(kBatch);
        terms += 9.0 * (shape.src.c + shape.k);  // fwd and bwd_data
    }
    const Shape features = net.convolutions().back()->shape(kBatch).dst();
    terms += static_cast<double>(features.c) * features.h * features.w + net.classes();  // the same of fc
    // bwd_weights, of the convolution with the most pixels: more than fc's terms, one per image.
    const Shape largest = net.convolutions().front()->shape(kBatch).dst();
    return (terms + static_cast<double>(largest.n) * largest.h * largest.w) * test::kUnitRoundoff;
}

TEST_F(TrainingSteps, GradientsOfAWholeStepAgreeWithDense) {
    Network dense = network(Policy::dense), sparse = network(Policy::zero_skip);
    compute_gradients(dense);
    compute_gradients(sparse);
    const double tolerance = estimate_of_whole_step(dense);
    for (std::size_t p = 0; p < dense.parameters().size(); ++p) {
        const Parameter &expected = *dense.parameters()[p], &actual = *sparse.parameters()[p];
        double difference = 0, norm = 0;
        for (std::size_t i = 0; i < expected.gradient.size(); ++i) {
            difference += std::pow(static_cast<double>(actual.gradient[i]) - expected.gradient[i], 2);
            norm += std::pow(static_cast<double>(expected.gradient[i]), 2);
        }
        EXPECT_GT(norm, 0) << expected.name;
        EXPECT_LE(std::sqrt(difference), tolerance * std::sqrt(norm)) << expected.name;
    }
}

}  // namespace
}  // namespace sparsetrain::train
