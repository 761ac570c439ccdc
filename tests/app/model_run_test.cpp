// Runs of the program with other models, images and files of weights.
#include <cmath>

#include "short_run.h"
#include "train/images.h"
#include "train/models/models.h"
#include "train/safetensors.h"
#include "train/weights_file.h"

namespace sparsetrain {
namespace {

using nlohmann::json;
using test::Arguments;
using test::expect_contains;
using test::Program;

class ModelRun : public test::ShortRun {
  protected:
    static Arguments resnet18(Arguments more) {
        Arguments all{"--model", "resnet18", "--image-size", "32", "--choice", "tables"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    void run(const Arguments& more) const {
        Program program(arguments(more));
        ASSERT_EQ(program.exit_code(), 0) << program.output();
    }
    // That the program fails, and why.
    void expect_failure(const Arguments& more, const std::vector<std::string>& parts) const {
        Program program(arguments(more));
        EXPECT_EQ(program.exit_code(), 1) << program.output();
        for (const std::string& part : parts) expect_contains(program.output(), part);
    }
    static std::int64_t batches_in(const std::string& weights) {
        const train::SafetensorsFile file(weights);
        std::vector<std::int64_t> count(1);
        file.read(file.at("bn1.num_batches_tracked"), std::span(count));
        return count[0];
    }
    // What the program should say of the test images, by the weights of a file.
    double test_loss_by(const std::string& weights) const {
        train::Network network(
            find_named(train::models(), "resnet18")
                .make({.image_size = 32, .classes = 10, .kernels = {Policy::automatic, Choice::tables}}),
            11, 7, 1);
        load_weights(network, weights);
        const train::TrainingData data = train::load_data("fashion-mnist", directory_.path());
        const train::Batch all = data.test->consecutive(0, 11, {32, 3});
        return network.evaluate(all.images, all.labels).loss;
    }

    const std::string weights_ = directory_ / "weights.safetensors",
                      later_ = directory_ / "later.safetensors";
};

TEST_F(ModelRun, WhatIsSavedIsWhatWasTrainedAndWhatALaterRunBeginsWith) {
    run(resnet18({"--steps", "2", "--save", weights_}));
    const std::vector<json> all = records();
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0]["model"], "resnet18");
    EXPECT_EQ(all[1]["convolutions"].size(), 20U);
    EXPECT_EQ(all[1]["convolutions"][7]["name"], "layer2.0.downsample.0");
    EXPECT_GT(all[3].at("seconds").at("batch normalisation"), 0);
    EXPECT_GT(all[3]["memory"]["planned_gb"], 0);
    const double test_loss = all[3]["test_loss"];
    EXPECT_NEAR(test_loss_by(weights_), test_loss, 1e-4 * test_loss);
    EXPECT_EQ(batches_in(weights_), 2);

    run(resnet18({"--steps", "1", "--init", weights_, "--save", later_}));
    EXPECT_EQ(batches_in(later_), 3);
    const double first = all[1]["loss"], of_later = records()[1]["loss"];
    EXPECT_NE(of_later, first) << "the run began anew";
    const double later_loss = records()[2]["test_loss"];
    EXPECT_NEAR(test_loss_by(later_), later_loss, 1e-4 * later_loss);
}

TEST_F(ModelRun, AFileIsReplacedByWhatBeganWithIt) {
    run({"--steps", "1", "--save", weights_});
    const std::uintmax_t size = std::filesystem::file_size(weights_);
    run({"--steps", "1", "--init", weights_, "--save", weights_});
    EXPECT_EQ(std::filesystem::file_size(weights_), size);
}

TEST_F(ModelRun, WeightsThatCannotBeReadOrWrittenAreNamedBeforeTraining) {
    expect_failure({"--init", "/nowhere/w.safetensors"}, {"/nowhere/w.safetensors: cannot be opened"});
    expect_failure({"--save", "/nowhere/w.safetensors"}, {"/nowhere/w.safetensors"});
    EXPECT_TRUE(records().empty()) << "the run began";
    run({"--steps", "1", "--save", weights_});
    expect_failure(resnet18({"--init", weights_}), {weights_ + ": ", "conv1.weight", "[64,1,3,3]"});
    expect_failure({"--init", weights_, "--classes", "12"}, {weights_ + ": tensor fc.weight", "[12,12544]"});
}

TEST_F(ModelRun, ARunThatFailsLeavesEarlierWeights) {
    run({"--steps", "1", "--save", weights_});
    const auto before = std::filesystem::last_write_time(weights_);
    expect_failure({"--save", weights_, "--classes", "3"}, {"--classes"});
    EXPECT_EQ(std::filesystem::last_write_time(weights_), before);
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
        EXPECT_EQ(entry.path().string().find(".new."), std::string::npos) << entry.path();
}

TEST_F(ModelRun, SizesThatDoNotFitAreNamed) {
    expect_failure({"--model", "resnet18", "--image-size", "31"},
                   {"resnet18", "image_size", "at least 32", "31"});
    expect_failure({"--model", "vgg16", "--image-size", "16"}, {"vgg16", "image_size", "at least 32", "16"});
    expect_failure({"--classes", "9"}, {"--classes: given 9, expected at least the 10 of the data"});
}

// Without --image-size a model has images as large as it needs, and channels as it has them.
TEST_F(ModelRun, ImagesAreMadeToFitTheModel) {
    Program program(arguments({"--model", "resnet18", "--steps", "1", "--classes", "100"}));
    EXPECT_EQ(program.exit_code(), 0) << program.output();
    expect_contains(program.output(), "training resnet18 on fashion-mnist (40 images, 3x32x32)");
    const json layer = records().back()["convolutions"][0];
    EXPECT_EQ(layer["src"], json({4, 3, 32, 32}));
    EXPECT_EQ(layer["filter"], json({7, 7}));
}

TEST_F(ModelRun, TensorsOfAFileAreTrainedOnInOrder) {
    std::vector<float> images(std::size_t{6} * 8 * 8);
    for (std::size_t i = 0; i < images.size(); ++i) images[i] = std::sin(static_cast<float>(i));
    const std::vector<std::int64_t> labels{0, 1, 2, 0, 1, 2};
    const std::string file = directory_ / "images.safetensors";
    write_safetensors(
        file, std::vector<train::TensorToWrite>{{"images", {6, 1, 8, 8}, std::span<const float>(images)},
                                                {"labels", {6}, std::span<const std::int64_t>(labels)}});
    const Arguments on_tensors{"--data", "tensors:" + file, "--choice", "tables"};
    const auto with = [&](Arguments more) {
        more.insert(more.end(), on_tensors.begin(), on_tensors.end());
        return more;
    };
    run(with({"--steps", "1", "--save", weights_}));
    std::vector<json> losses;
    for (const char* seed : {"1", "2"}) {
        Program program(arguments(with({"--steps", "2", "--init", weights_, "--seed", seed})));
        ASSERT_EQ(program.exit_code(), 0) << program.output();
        expect_contains(program.output(), "(6 images, 1x8x8)");
        losses.push_back(records()[2]["loss"]);
    }
    EXPECT_EQ(losses[0], losses[1]) << "the order of images depends on the seed";
    expect_failure({"--data", "tensors:/nowhere/i.safetensors"},
                   {"/nowhere/i.safetensors: cannot be opened"});
}

TEST_F(ModelRun, EveryPolicyTrainsAResidualNetwork) {
    for (const char* kernels : {"dense", "zero_skip", "output_mask", "auto"})
        run(resnet18({"--steps", "1", "--kernels", kernels}));
}

}  // namespace
}  // namespace sparsetrain
