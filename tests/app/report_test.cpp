// What the program shows and writes, as functions of numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <stdexcept>

#include "cli/divergence.h"
#include "cli/layer_table.h"
#include "cli/metrics.h"
#include "cli/metrics_file.h"
#include "cli/progress.h"
#include "cli/recipe.h"
#include "sparsetrain/error.h"
#include "temporary_directory.h"
#include "train/models/models.h"

namespace sparsetrain::cli {
namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(Progress, Durations) {
    EXPECT_EQ(format_duration(0), "0:00");
    EXPECT_EQ(format_duration(59.6), "1:00");
    EXPECT_EQ(format_duration(3599), "59:59");
    EXPECT_EQ(format_duration(3600 + 120 + 9), "1:02:09");
    EXPECT_EQ(format_duration(-1), "0:00");
}

TEST(Progress, BarShowsStepLossSpeedAndTimeLeft) {
    const ProgressState state{30, 120, 0.25, 0.5125, 431.4, 65};
    EXPECT_EQ(format_bar(state), "[#####...............] 30/120  loss 0.512  431 images/s  ETA 1:05");
    EXPECT_EQ(format_line(state), "step 30/120  loss 0.512  431 images/s  ETA 1:05");
}

TEST(Progress, OfATimeHasNoNumberOfSteps) {
    const ProgressState state{30, 0, 0.5, 0.5125, 431.4, 65};
    EXPECT_EQ(format_bar(state), "[##########..........] 30  loss 0.512  431 images/s  ETA 1:05");
    EXPECT_EQ(format_line(state), "step 30  loss 0.512  431 images/s  ETA 1:05");
}

TEST(Progress, BarFitsTheTerminal) {
    const ProgressState state{30, 120, 0.25, 0.5125, 431.4, 65};
    EXPECT_EQ(cut_to(format_bar(state), 31), "[#####...............] 30/120 ");
    EXPECT_EQ(cut_to(format_bar(state), 1), "");
    EXPECT_EQ(cut_to(format_bar(state), 0), "");
}

TEST(Progress, BarOfAFinishedRunIsFull) {
    EXPECT_TRUE(contains(format_bar(ProgressState{7, 7, 1, 1, 1, 0}), "[####################] 7/7"));
}

TEST(Recipe, LearningRateRisesThenFalls) {
    const Recipe recipe{0.1F, 0.9F, 0};
    const auto rate = [&](int step, int steps) { return recipe.learning_rate_at({step, 0}, {steps, 0}); };
    EXPECT_FLOAT_EQ(rate(1, 1000), 0.1F / 50);
    EXPECT_FLOAT_EQ(rate(50, 1000), 0.1F);
    for (int step = 1; step <= 1000; ++step) {
        EXPECT_GT(rate(step, 1000), 0);
        EXPECT_LE(rate(step, 1000), 0.1F);
    }
    EXPECT_LT(rate(1000, 1000), 0.001F);
    EXPECT_FLOAT_EQ(rate(1, 1), 0.1F);
}

TEST(Recipe, LearningRateFollowsTheTime) {
    const Recipe recipe{0.1F, 0.9F, 0};
    const RunLength minute{0, 60};
    EXPECT_FLOAT_EQ(recipe.learning_rate_at({1, 0}, minute), 0.1F / 50);
    EXPECT_FLOAT_EQ(recipe.learning_rate_at({5, 3}, minute), 0.05F)
        << "the warm-up takes a tenth of the time";
    EXPECT_FLOAT_EQ(recipe.learning_rate_at({50, 0}, minute), 0.1F) << "or 50 steps";
    EXPECT_FLOAT_EQ(recipe.learning_rate_at({900, 45}, minute), 0.025F);
    EXPECT_FLOAT_EQ(recipe.learning_rate_at({900, 45}, {1000, 60}), 0.1F * 101 / 951)
        << "whichever ends first";
    EXPECT_TRUE((RunPosition{900, 59.9}.is_within(minute)));
    EXPECT_FALSE((RunPosition{2, 60}.is_within(minute)));
    EXPECT_FALSE((RunPosition{1001, 1}.is_within({1000, 60})));
}

TEST(Zeros, ArePercentagesOfTheValuesWithoutPaddingLanes) {
    Tensor tensor({2, 20, 3, 5});  // 600 values, 960 stored
    EXPECT_DOUBLE_EQ(percentage_of_zeros(tensor.view()), 100);
    for (std::size_t pixel = 0; pixel < 15; ++pixel)
        tensor.values()[pixel * kLanes] = 1;  // channel 0, image 0
    tensor.values()[15 * kLanes] = -0.0F;     // a zero
    EXPECT_DOUBLE_EQ(percentage_of_zeros(tensor.view()), 100.0 * (600 - 15) / 600);
}

std::vector<LayerReport> two_layers() {
    ConvShape first, second;
    first.src = {8, 1, 28, 28};
    second.src = {8, 64, 28, 28};
    first.k = second.k = 64;
    return {{"conv1", first, 51.0, 62.5, {{Pass::fwd, Kernel::dense, Operand::src, 5, 5}}},
            {"conv2",
             second,
             52.0,
             63.5,
             {{Pass::fwd, Kernel::zero_skip, Operand::src, 10, 15, true},
              {Pass::bwd_weights, Kernel::zero_skip, Operand::diff_dst, 10, 25, true}}}};
}

TEST(LayerTable, TotalLeavesOutTheFirstConvolution) {
    const TotalReport total = total_of(two_layers());
    EXPECT_DOUBLE_EQ(total.chosen_ms, 20);
    EXPECT_DOUBLE_EQ(total.dense_ms, 40);
    EXPECT_DOUBLE_EQ(total.speedup(), 2);
}

TEST(LayerTable, HasARowPerPass) {
    const std::string table = format_layer_table(two_layers(), "auto");
    EXPECT_TRUE(contains(table, "auto ms"));
    EXPECT_TRUE(contains(
        table,
        "conv2              8x64x28x28 -> 64        52.0      63.5  fwd         zero_skip   src      "))
        << table;
    EXPECT_TRUE(contains(table, "10.00     15.00    1.50x\n")) << table;
    EXPECT_TRUE(contains(table, " bwd_weights zero_skip   diff_dst     10.00     25.00    2.50x\n")) << table;
    EXPECT_TRUE(contains(table, " fwd         dense       -             5.00      5.00    1.00x")) << table;
    EXPECT_TRUE(contains(table, "5.00      5.00    1.00x  not counted\n")) << table;
    EXPECT_TRUE(contains(table, "20.00     40.00    2.00x\n")) << table;
    EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 2 + 3 + 1);
}

train::Network small_network() {
    const train::ModelOptions options{
        .channels = 1, .image_size = 8, .classes = 10, .kernels = Policy::dense};
    return {find_named(train::models(), "vgg-small").make(options), 2, 1, 1};
}

TEST(Divergence, IsALossOrAParameterThatIsNotFinite) {
    EXPECT_NO_THROW(check_loss(1e30, 1));
    EXPECT_THROW(check_loss(std::nan(""), 1), std::runtime_error);
    train::Network network = small_network();
    EXPECT_NO_THROW(check_parameters(network, 7));
    for (train::Parameter* parameter : network.parameters()) {
        float& value = parameter->value[5];
        const float before = value;
        value = -INFINITY;
        try {
            check_parameters(network, 7);
            ADD_FAILURE() << parameter->name;
        } catch (const std::runtime_error& error) {
            EXPECT_TRUE(contains(error.what(),
                                 "training diverged: " + parameter->name + " after step 7 is not finite"))
                << error.what();
        }
        value = before;
    }
}

TEST(Metrics, EveryRecordIsALineOfJson) {
    const test::TemporaryDirectory directory;
    const std::string path = directory / "metrics.jsonl";
    MetricsFile metrics(path);
    TrainOptions options;
    options.batch = 17;
    metrics.write(header_record(options).dump());
    RunSummary finished;
    finished.steps = 3;
    finished.interrupted = true;
    finished.layers = two_layers();
    finished.clock = "wall time";
    finished.works.add(train::Work::batch_norm, 0.25);
    finished.planned_gb = 1.5;
    finished.resident_gb = 1.75;
    metrics.write(summary_record(finished).dump());

    std::ifstream file(path);  // while it is still open for writing: records are flushed
    std::string line;
    ASSERT_TRUE(std::getline(file, line));
    const Json header = Json::parse(line);
    EXPECT_EQ(header["record"], "header");
    EXPECT_EQ(header["batch"], 17);
    EXPECT_EQ(header["kernels"], "auto");
    EXPECT_EQ(header["choice"], "measured");
    EXPECT_EQ(header["model"], "vgg-small");
    ASSERT_TRUE(std::getline(file, line));
    const Json summary = Json::parse(line);
    EXPECT_EQ(summary["interrupted"], true);
    EXPECT_EQ(summary["total"]["speedup"], 2);
    EXPECT_EQ(summary["seconds"].size(), train::kWorks);
    EXPECT_EQ(summary["seconds"][to_string(train::Work::batch_norm)], 0.25);
    EXPECT_EQ(summary["seconds"][to_string(train::Work::pool)], 0);
    EXPECT_EQ(summary["memory"]["planned_gb"], 1.5);
    EXPECT_EQ(summary["memory"]["resident_gb"], 1.75);
    EXPECT_EQ(summary["convolutions"][1]["passes"]["bwd_weights"]["dense_ms"], 25);
    EXPECT_EQ(summary["convolutions"][1]["passes"]["bwd_weights"]["skipped"], "diff_dst");
    EXPECT_EQ(summary["convolutions"][0]["passes"]["fwd"]["skipped"], nullptr);
    EXPECT_EQ(summary["convolutions"][0]["counted"], false);
    EXPECT_EQ(summary["convolutions"][1]["src"], Json({8, 64, 28, 28}));
    EXPECT_EQ(summary["convolutions"][1]["filter"], Json({3, 3}));
    EXPECT_EQ(summary["convolutions"][1]["stride"], 1);
    EXPECT_EQ(summary["convolutions"][1]["padding"], Json({0, 0, 0, 0}));
    EXPECT_FALSE(std::getline(file, line));
}

// Counted as the passes go by.
TEST(Metrics, AStepHasZerosKernelsAndTimesOfEveryConvolution) {
    train::Network network = small_network();
    ZerosWatch zeros;
    network.set_watch(&zeros);
    std::vector<float> images(2 * 64, 1);
    std::fill(images.begin(), images.begin() + 32, 0.0F);
    const std::vector<std::int32_t> labels{3, 4};
    network.train_step(images, {labels}, {});
    EXPECT_GT(zeros.take_seconds(), 0);
    EXPECT_EQ(zeros.take_seconds(), 0);
    const Json record = step_record({7, 1.5, 0.5, 0.01F, 12}, network, zeros);
    EXPECT_EQ(record["record"], "step");
    EXPECT_EQ(record["step"], 7);
    EXPECT_EQ(record["loss"], 1.5);
    const Json& convolutions = record["convolutions"];
    ASSERT_EQ(convolutions.size(), 7U);
    EXPECT_EQ(convolutions[0]["name"], "conv1");
    EXPECT_EQ(convolutions[0]["zeros_src"], 25);
    EXPECT_EQ(convolutions[0]["passes"].size(), 2U) << "nobody needs the gradient of images";
    for (std::size_t i = 1; i < convolutions.size(); ++i) {
        EXPECT_GT(convolutions[i]["zeros_src"], 0);
        EXPECT_LT(convolutions[i]["zeros_diff_dst"], 100);
        ASSERT_EQ(convolutions[i]["passes"].size(), 3U);
        EXPECT_EQ(convolutions[i]["passes"]["bwd_data"]["kernel"], "dense");
        EXPECT_EQ(convolutions[i]["passes"]["bwd_data"]["skipped"], nullptr);
        EXPECT_GT(convolutions[i]["passes"]["bwd_data"]["ms"], 0);
    }
}

TEST(Metrics, PathThatCannotBeWrittenIsNamed) {
    try {
        MetricsFile metrics("/nowhere/metrics.jsonl");
        FAIL();
    } catch (const Error& error) {
        EXPECT_TRUE(contains(error.what(), "/nowhere/metrics.jsonl")) << error.what();
    }
}

TEST(Metrics, FullDiskIsAnError) {
    MetricsFile metrics("/dev/full");
    EXPECT_THROW(metrics.write("{}"), Error);
}

}  // namespace
}  // namespace sparsetrain::cli
