// Whole training steps: zero_skip against dense, from one seed, on real images.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "cli/layer_report.h"
#include "kernel_in_use.h"
#include "train/dataset.h"
#include "train/models.h"

namespace sparsetrain::train {
namespace {

constexpr int kBatch = 8;
constexpr std::uint32_t kSeed = 1;

class TrainingSteps : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        const Dataset data = load_fashion_mnist(kFashionMnistDirectory).train;
        batches_.clear();
        for (int step = 0; step < 20; ++step)
            batches_.push_back(consecutive(data, normalisation_of(data), step * kBatch, kBatch));
    }
    static Network network(Policy policy, int threads = 1) {
        return vgg_small(kBatch, kSeed, policy, threads);
    }
    static LossResult step(Network& network, int index, const Sgd& sgd) {
        const Batch& batch = batches_[static_cast<std::size_t>(index)];
        return network.train_step(batch.images, batch.labels, sgd);
    }
    // Gradients of one step that leaves the weights as they are.
    static Network network_after_a_step(Policy policy) {
        Network made = network(policy);
        step(made, 0, {.learning_rate = 0, .momentum = 0, .weight_decay = 0});
        return made;
    }

    static inline std::vector<Batch> batches_;
};

TEST_F(TrainingSteps, LossOfTwentyStepsAgreesWithDense) {
    const Sgd sgd{.learning_rate = 0.005F, .momentum = 0.9F, .weight_decay = 5e-4F};
    Network dense = network(Policy::dense), sparse = network(Policy::zero_skip);
    double first = 0, last = 0;
    for (int i = 0; i < 20; ++i) {
        const double expected = step(dense, i, sgd).loss;
        EXPECT_NEAR(step(sparse, i, sgd).loss, expected, 0.02 * expected) << "step " << i;
        (i < 5 ? first : last) += expected / (i < 5 ? 5 : 15);
    }
    EXPECT_LT(last, first) << "nothing was learnt: the comparison says nothing";
}

// Behind a convolution, its kernel has done it: the gradient goes on as it is. Behind a pool, nobody has.
TEST_F(TrainingSteps, AReluIsAppliedToAGradientOnce) {
    const Network net = network_after_a_step(Policy::zero_skip);
    const auto convolutions = net.convolutions();
    int alone = 0;
    for (std::size_t i = 0; i + 1 < convolutions.size(); ++i) {
        const ConvolutionStep &own = convolutions[i]->last_step(), &next = convolutions[i + 1]->last_step();
        if (own.dst.tensor.data != next.src.tensor.data) continue;
        EXPECT_EQ(own.diff_dst.tensor.data, next.diff_src.data) << convolutions[i]->name();
        EXPECT_EQ(own.diff_dst.mask.data, own.dst.mask.data) << convolutions[i]->name();
        ++alone;
    }
    EXPECT_GE(alone, 3);
    EXPECT_LT(alone, static_cast<int>(convolutions.size()) - 1);
}

TEST_F(TrainingSteps, PoliciesRunTheKernelsThatTheyName) {
    for (const auto& [policy, kernel] :
         {std::pair{Policy::dense, Kernel::dense}, std::pair{Policy::zero_skip, Kernel::zero_skip}}) {
        const Network net = network_after_a_step(policy);
        for (const Convolution* convolution : net.convolutions().subspan(1)) {
            const ConvolutionStep& last = convolution->last_step();
            for (const Pass pass : {Pass::fwd, Pass::bwd_data, Pass::bwd_weights})
                EXPECT_EQ(last.run_of(pass).statistics.kernel, test::in_use(kernel))
                    << convolution->name() << to_string(pass);
            EXPECT_GT(cli::percentage_of_zeros(last.src.tensor), 10) << convolution->name();
            EXPECT_GT(cli::percentage_of_zeros(last.diff_dst.tensor), 10) << convolution->name();
            EXPECT_LT(cli::percentage_of_zeros(last.diff_dst.tensor), 99) << convolution->name();
        }
    }
}

TEST_F(TrainingSteps, ReplayRunsTheKernelsOfTheLastStep) {
    for (const Policy policy : {Policy::dense, Policy::zero_skip, Policy::automatic}) {
        const Network net = network_after_a_step(policy);
        const std::vector<cli::LayerReport> layers = cli::replay_last_step(net);
        ASSERT_EQ(layers.size(), net.convolutions().size());
        for (std::size_t i = 0; i < layers.size(); ++i) {
            const ConvolutionStep& last = net.convolutions()[i]->last_step();
            ASSERT_EQ(layers[i].passes.size(), i == 0 ? 2U : 3U);
            for (const cli::PassReport& report : layers[i].passes) {
                SCOPED_TRACE(std::string(to_string(policy)) + " " + layers[i].name + " " +
                             to_string(report.pass));
                const RunStatistics& run = last.run_of(report.pass).statistics;
                EXPECT_EQ(report.kernel, run.kernel);
                EXPECT_EQ(report.skipped, run.skipped);
                if (report.pass == Pass::bwd_weights) {  // the masks of both operands tell
                    EXPECT_EQ(run.skipped, layers[i].zeros_diff_dst > layers[i].zeros_src ? Operand::diff_dst
                                                                                          : Operand::src);
                }
            }
        }
    }
}

// ---- One step's tensors, each within the error of summation
// -------------------------------------------------

constexpr double kUnitRoundoff = 0x1p-24;

// The largest relative error, of the sum of absolute products, of a sum of `terms` products in any order.
double gamma_of(double terms) {
    return terms * kUnitRoundoff / (1 - terms * kUnitRoundoff);
}

AlignedArray<float> absolute(const float* values, std::size_t count) {
    AlignedArray<float> result(count);
    for (std::size_t i = 0; i < count; ++i) result[i] = std::fabs(values[i]);
    return result;
}

// `actual` and `expected` sum the same products in different orders; `magnitudes` are the sums of the
// absolute products, themselves within gamma of the truth.
void expect_within_summation_error(const std::string& what, std::span<const float> actual,
                                   std::span<const float> expected, std::span<const float> magnitudes,
                                   double terms) {
    ASSERT_EQ(actual.size(), expected.size());
    const double bound = 2 * gamma_of(terms) * (1 + 2 * gamma_of(terms));
    double worst = 0;
    std::size_t nonzero = 0;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        const double error = std::fabs(static_cast<double>(actual[i]) - expected[i]);
        // The smallest normal number: what underflows is beyond the bound.
        worst = std::max(worst, error / (bound * magnitudes[i] + 0x1p-126));
        nonzero += expected[i] != 0;
    }
    EXPECT_LE(worst, 1) << what << ": error in bounds";
    EXPECT_GT(nonzero, actual.size() / 20) << what << ": mostly zero, the comparison says nothing";
}

// The passes of one convolution's last step again, by the dense kernel, on the same tensors; and on absolute
// values, which gives the sums of absolute products.
class DenseStep {
  public:
    explicit DenseStep(const Convolution& convolution)
        : shape_(convolution.plan().shape()),
          step_(convolution.last_step()),
          plan_(shape_, Policy::dense),
          master_(convolution.weights().master()),
          absolute_master_(absolute(master_.data, shape_.weights().elements())),
          weights_(master_),
          absolute_weights_({absolute_master_.data(), shape_.weights()}),
          absolute_src_(absolute(step_.src.tensor.data, shape_.src.elements())),
          absolute_diff_(absolute(step_.diff_dst.tensor.data, shape_.dst().elements())),
          bias_(convolution.bias()) {}

    void check_forward() {
        Tensor expected(shape_.dst()), magnitudes(shape_.dst());
        Mask mask(shape_.dst());
        plan_.forward_relu(step_.src, weights_, bias_, expected.view(), mask.view(), workspace_);
        const AlignedArray<float> absolute_bias = absolute(bias_.data(), bias_.size());
        plan_.forward(absolute_src(), absolute_weights_, {absolute_bias.data(), bias_.size()},
                      magnitudes.view(), workspace_);
        compare("fwd", {step_.dst.tensor.data, shape_.dst().elements()}, expected.values(),
                magnitudes.values(), taps() * shape_.src.c + 1);
    }

    void check_backward_data() {
        Tensor expected(shape_.src), magnitudes(shape_.src);
        plan_.backward_data(step_.diff_dst, weights_, expected.view(), workspace_);
        plan_.backward_data(absolute_diff(), absolute_weights_, magnitudes.view(), workspace_);
        // The convolution before ends in a ReLU, whose backward is applied already.
        for (std::size_t i = 0; i < shape_.src.elements(); ++i)
            if (step_.src.tensor.data[i] == 0) expected.values()[i] = magnitudes.values()[i] = 0;
        compare("bwd_data", {step_.diff_src.data, shape_.src.elements()}, expected.values(),
                magnitudes.values(), taps() * shape_.k);
    }

    void check_backward_weights(std::span<const float> gradient) {
        Weights expected(shape_.weights()), magnitudes(shape_.weights());
        plan_.backward_weights(step_.src, step_.diff_dst, expected.view(), {}, workspace_);
        plan_.backward_weights(absolute_src(), absolute_diff(), magnitudes.view(), {}, workspace_);
        compare("bwd_weights", gradient, expected.values(), magnitudes.values(), pixels());
    }

    void check_bias(std::span<const float> gradient) const {
        for (int k = 0; k < shape_.k; ++k) {
            const auto [sum, magnitude] = sums_of_channel(k);
            EXPECT_NEAR(gradient[static_cast<std::size_t>(k)], sum, gamma_of(pixels()) * magnitude)
                << "channel " << k;
        }
    }

  private:
    static void compare(const char* pass, std::span<const float> actual, const AlignedArray<float>& expected,
                        const AlignedArray<float>& magnitudes, double terms) {
        expect_within_summation_error(pass, actual, {expected.data(), expected.size()},
                                      {magnitudes.data(), magnitudes.size()}, terms);
    }
    std::pair<double, double> sums_of_channel(int k) const {
        const Shape dst = shape_.dst();
        double sum = 0, magnitude = 0;
        for (int n = 0; n < dst.n; ++n)
            for (int pixel = 0; pixel < dst.h * dst.w; ++pixel) {
                const int block = n * channel_blocks(dst.c) + k / kLanes;
                const float value =
                    step_.diff_dst.tensor.data[(block * dst.h * dst.w + pixel) * kLanes + k % kLanes];
                sum += value;
                magnitude += std::fabs(value);
            }
        return {sum, magnitude};
    }
    ConstTensorView absolute_src() const { return {absolute_src_.data(), shape_.src}; }
    ConstTensorView absolute_diff() const { return {absolute_diff_.data(), shape_.dst()}; }
    double taps() const { return shape_.filter_h * shape_.filter_w; }
    double pixels() const { return static_cast<double>(shape_.dst().n) * shape_.dst().h * shape_.dst().w; }

    const ConvShape shape_;
    const ConvolutionStep& step_;
    const Conv2d plan_;
    const ConstWeightsView master_;
    const AlignedArray<float> absolute_master_;
    const PackedWeights weights_, absolute_weights_;
    const AlignedArray<float> absolute_src_, absolute_diff_;
    const std::span<const float> bias_;
    Workspace workspace_{1};
};

std::span<const float> gradient_of(const Network& network, const std::string& name) {
    for (const Parameter& parameter : network.parameters())
        if (parameter.name == name) return parameter.gradient;
    throw std::out_of_range("no parameter " + name);
}

TEST_F(TrainingSteps, TensorsOfAStepAgreeWithDenseWithinTheErrorOfSummation) {
    for (const Policy policy : {Policy::zero_skip, Policy::output_mask}) {
        const Network sparse = network_after_a_step(policy);
        for (const Convolution* convolution : sparse.convolutions()) {
            SCOPED_TRACE(convolution->name() + " " + to_string(policy));
            DenseStep dense(*convolution);
            dense.check_forward();
            if (convolution->last_step().diff_src.data != nullptr) dense.check_backward_data();
            dense.check_backward_weights(gradient_of(sparse, convolution->name() + ".weights"));
            dense.check_bias(gradient_of(sparse, convolution->name() + ".bias"));
        }
    }
}

// From the images to the gradients both networks go their own way. What they may differ by is an estimate and
// no bound: each pass errs by at most its terms times the unit roundoff, in the 2-norm and relative to the
// absolute products; it supposes that later passes do not amplify the errors, that cancellation is mild, and
// that no rounding turns a ReLU or the choice of a max pool. The test above has the bound.
double estimate_of_whole_step(const Network& network) {
    double terms = 0;
    for (const Convolution* convolution : network.convolutions()) {
        const ConvShape& shape = convolution->plan().shape();
        terms += 9.0 * (shape.src.c + shape.k);  // fwd and bwd_data
    }
    const Shape features = network.convolutions().back()->plan().shape().dst();
    terms += static_cast<double>(features.c) * features.h * features.w + network.classes();  // the same of fc
    // bwd_weights, of the convolution with the most pixels: more than fc's terms, one per image.
    const Shape largest = network.convolutions().front()->plan().shape().dst();
    return (terms + static_cast<double>(largest.n) * largest.h * largest.w) * kUnitRoundoff;
}

TEST_F(TrainingSteps, GradientsOfAWholeStepAgreeWithDense) {
    const Network dense = network_after_a_step(Policy::dense),
                  sparse = network_after_a_step(Policy::zero_skip);
    const double tolerance = estimate_of_whole_step(dense);
    for (const Parameter& parameter : dense.parameters()) {
        const std::span<const float> actual = gradient_of(sparse, parameter.name);
        double difference = 0, norm = 0;
        for (std::size_t i = 0; i < actual.size(); ++i) {
            difference += std::pow(static_cast<double>(actual[i]) - parameter.gradient[i], 2);
            norm += std::pow(static_cast<double>(parameter.gradient[i]), 2);
        }
        EXPECT_GT(norm, 0) << parameter.name;
        EXPECT_LE(std::sqrt(difference), tolerance * std::sqrt(norm)) << parameter.name;
    }
}

}  // namespace
}  // namespace sparsetrain::train
