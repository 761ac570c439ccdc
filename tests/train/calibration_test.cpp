// Weights whose ReLUs leave given shares of zeros.
#include "train/calibration.h"

#include <gtest/gtest.h>

#include <map>

#include "cli/layer_report.h"
#include "expect_error.h"
#include "small_graphs.h"
#include "train/models/models.h"

namespace sparsetrain::test {
namespace {

// Zeros of what convolutions read, in %, counted while a step runs.
class SrcZeros : public train::ConvolutionWatch {
  public:
    void passed(const train::Convolution& convolution, const train::PassCall& call) override {
        if (call.pass == Pass::fwd) of[convolution.name()] = cli::percentage_of_zeros(call.src->tensor);
    }
    std::map<std::string, double> of;
};

// The convolution that reads each of the first ReLUs of ResNet-18: the stem's behind its max pool.
TEST(Calibration, LeavesTheZerosThatAreAskedFor) {
    train::ModelOptions options;
    options.image_size = 64;
    options.classes = 5;
    train::Network network(find_named(train::models(), "resnet18").make(options), 2, 1, 1);
    std::vector<float> images(2 * 3 * 64 * 64);
    train::Random random(3);
    for (float& value : images) value = random.normal(1);
    const std::vector<double> wanted{20, 60, 35, 90};
    const std::vector<double> found = train::calibrate_zeros(network, images, 2, wanted);
    ASSERT_EQ(found.size(), wanted.size());
    SrcZeros zeros;
    const std::vector<std::int32_t> labels{1, 4};
    network.compute_gradients(images, {labels}, &zeros);
    const char* const readers[] = {"layer1.0.conv1", "layer1.0.conv2", "layer1.1.conv1", "layer1.1.conv2"};
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        EXPECT_NEAR(found[i], wanted[i], 1) << readers[i];
        EXPECT_NEAR(zeros.of.at(readers[i]), wanted[i], 1) << readers[i];
    }
}

TEST(Calibration, ChecksBeforeItChangesAnything) {
    train::Network network(small_graph(Policy::dense), kBatch, 1, 1);
    const std::vector<float> images = random_batch().images;
    const std::vector<float> before(network.parameters()[1]->value.begin(),
                                    network.parameters()[1]->value.end());
    constexpr ErrorCode kInvalid = ErrorCode::invalid_argument;
    const auto calibrate = [&](std::vector<double> percentages) {
        return [&network, &images, percentages] {
            train::calibrate_zeros(network, images, kBatch, percentages);
        };
    };
    expect_error(kInvalid, {"calibrate_zeros", "at most 2", "3"}, calibrate({50, 50, 50}));
    expect_error(kInvalid, {"calibrate_zeros", "0 to 99.9", "100"}, calibrate({50, 100}));
    EXPECT_TRUE(std::ranges::equal(network.parameters()[1]->value, before));
}

}  // namespace
}  // namespace sparsetrain::test
