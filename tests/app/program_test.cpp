// The `sparsetrain` program, run as a user runs it.
#include "program.h"

#include <gtest/gtest.h>

#include <sstream>

#include "kernel_in_use.h"
#include "short_run.h"
#include "sparsetrain/library.h"

namespace sparsetrain {
namespace {

using nlohmann::json;
using test::Arguments;
using test::expect_contains;
using test::Program;
using test::ShortRun;
using test::Variable;

struct Usage {
    const char* name;
    Arguments arguments;
    const char* message;
};

class BadUsage : public testing::TestWithParam<Usage> {};

TEST_P(BadUsage, ExitsWithTwoAndSaysWhatIsWrong) {
    Program program(GetParam().arguments);
    EXPECT_EQ(program.exit_code(), 2);
    expect_contains(program.output(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    CommandLine, BadUsage,
    testing::Values(
        Usage{"no_command", {}, "A command, train, tune or info, is required"},
        Usage{"unknown_command", {"trian"}, "trian"},
        Usage{"unknown_option", {"train", "--epochs", "3"}, "--epochs"},
        Usage{"zero_steps", {"train", "--steps", "0"}, "--steps: given 0, expected 1 to"},
        Usage{"steps_no_number", {"train", "--steps", "many"}, "--steps: given many, expected 1 to"},
        Usage{"negative_batch", {"train", "--batch", "-3"}, "--batch: given -3, expected 1 to 4096"},
        Usage{"huge_batch", {"train", "--batch", "99999999999"}, "--batch: given 99999999999"},
        Usage{"zero_threads", {"train", "--threads", "0"}, "--threads: given 0, expected 1 to 256"},
        Usage{"too_many_threads", {"train", "--threads", "257"}, "--threads: given 257, expected 1 to 256"},
        Usage{"unknown_kernels", {"train", "--kernels", "fast"}, "zero_skip"},
        Usage{"unknown_choice", {"train", "--choice", "best"}, "tables"},
        Usage{"unknown_model", {"train", "--model", "resnet-50"}, "vgg-small"},
        Usage{"unknown_data", {"train", "--data", "mnist"}, "fashion-mnist"},
        Usage{"tensors_of_no_file",
              {"train", "--data", "tensors:"},
              "--data: given tensors:, expected tensors:FILE.safetensors"},
        Usage{"images_too_small", {"train", "--image-size", "3"}, "--image-size: given 3, expected 4 to 512"},
        Usage{"images_too_large", {"train", "--image-size", "513"}, "--image-size: given 513, expected 4 to"},
        Usage{"image_size_no_number", {"train", "--image-size", "32x32"}, "--image-size: given 32x32"},
        Usage{"one_class", {"train", "--classes", "1"}, "--classes: given 1, expected 2 to 100000"},
        Usage{"too_many_classes", {"train", "--classes", "100001"}, "--classes: given 100001, expected 2 to"},
        Usage{"empty_init_path", {"train", "--init", ""}, "--init: given nothing, expected a path"},
        Usage{"empty_save_path", {"train", "--save", ""}, "--save: given nothing, expected a path"},
        Usage{"negative_seed", {"train", "--seed", "-1"}, "--seed: given -1, expected 0 to 4294967295"},
        Usage{"huge_seed", {"train", "--seed", "4294967296"}, "--seed: given 4294967296, expected 0 to"},
        Usage{"hexadecimal_seed", {"train", "--seed", "0x10"}, "--seed: given 0x10, expected 0 to"},
        Usage{"training_budget_without_unit",
              {"train", "--budget", "90"},
              "--budget: given 90, expected a time such as 90s"},
        Usage{"empty_metrics_path", {"train", "--metrics", ""}, "--metrics: given nothing, expected a path"},
        Usage{"nan_rate", {"train", "--learning-rate", "nan"}, "--learning-rate: given nan"},
        Usage{"negative_rate", {"train", "--learning-rate", "-0.1"}, "--learning-rate: given -0.1"},
        Usage{"momentum_of_one", {"train", "--momentum", "1"}, "--momentum: given 1, expected 0 to"},
        Usage{"unknown_class", {"tune", "--class", "conv4x4_stride1"}, "conv3x3_stride1"},
        Usage{"unknown_pass", {"tune", "--pass", "backward"}, "bwd_weights"},
        Usage{"unknown_kernel", {"tune", "--kernel", "winograd"}, "output_mask"},
        Usage{"percent_of_100",
              {"tune", "--percents", "50,100"},
              "--percents: given 100, expected percentages"},
        Usage{"budget_without_unit",
              {"tune", "--budget", "10"},
              "--budget: given 10, expected a time such as 90s"},
        Usage{"negative_budget", {"tune", "--budget", "-1m"}, "--budget: given -1m"},
        Usage{"metrics_without_a_path", {"train", "--metrics"}, "--metrics"}),
    [](const auto& usage) { return std::string(usage.param.name); });

TEST(Program, HelpIsASuccess) {
    Program program({"train", "--help"});
    EXPECT_EQ(program.exit_code(), 0);
    for (const char* option :
         {"--model",    "--data",         "--steps",      "--batch",   "--threads",      "--kernels",
          "--choice",   "--seed",         "--budget",     "--metrics", "--data-dir",     "--learning-rate",
          "--momentum", "--weight-decay", "--image-size", "--classes", "--init",         "--save",
          "resnet18",   "resnet34",       "resnet50",     "vgg16",     "fixup_resnet50", "tensors:FILE"})
        expect_contains(program.output(), option);
}

TEST(Program, TunesNoKernelThatAPassHasNot) {
    Program program({"tune", "--class", "conv3x3_stride1", "--pass", "fwd", "--kernel", "output_mask"});
    EXPECT_EQ(program.exit_code(), 1);
    expect_contains(program.output(), "conv3x3_stride1/bwd_data/output_mask");
}

TEST(Program, TunesOnlyWhereItIsInstalled) {
    Program program({"tune", "--layer", "vgg3_2"});
    EXPECT_EQ(program.exit_code(), 1);
    expect_contains(program.output(), "cmake --install");
}

TEST(Program, ExplainsRowsThatNobodyMeasured) {
    Program program(
        {"tune", "--explain", "--class", "conv1x1_stride1", "--pass", "bwd_weights", "--out", "/nowhere/a"});
    EXPECT_EQ(program.exit_code(), 0);
    for (const char* words : {"conv1x1_stride1/bwd_weights/zero_skip on ", "registers ", "L1 bytes ",
                              "per nonzero ", "per visit ", "predicted "})
        expect_contains(program.output(), words);
}

TEST(Program, InfoShowsVersionsTheCpuAndTheClasses) {
    Program program({"info"});
    EXPECT_EQ(program.exit_code(), 0);
    for (const char* word : {"sparsetrain", "halide", "compiler", "cpu", instruction_set(),
                             microarchitecture(), "conv3x3_stride1", "fashion-mnist"})
        expect_contains(program.output(), word);
    for (const char* uarch : microarchitectures()) expect_contains(program.output(), uarch);
    expect_contains(program.output(), "conv7x7_stride2  fwd bwd_weights           dense\n");
    const bool skips_zeros = test::in_use(Kernel::zero_skip) == Kernel::zero_skip;
    const std::string kernels = skips_zeros ? "dense zero_skip output_mask" : "dense";
    expect_contains(program.output(), "conv3x3_stride1  fwd bwd_data bwd_weights  " + kernels + "\n");
}

// What these say of the kernels to run.
struct Forced {
    explicit Forced(const char* microarchitecture, const char* instruction_set = nullptr)
        : uarch("SPARSETRAIN_UARCH", microarchitecture), isa("SPARSETRAIN_ISA", instruction_set) {}
    Variable uarch, isa;
};

void expect_info(const std::string& isa, const std::string& uarch) {
    Program program({"info"});
    EXPECT_EQ(program.exit_code(), 0);
    expect_contains(program.output(), "isa            " + isa + "\n");
    expect_contains(program.output(), "uarch          " + uarch + "\n");
}

// `info` says why, too.
void expect_refusal(const std::string& message) {
    expect_info("none", "none");
    Program info({"info"});
    EXPECT_EQ(info.exit_code(), 0);
    expect_contains(info.output(), message + "\n");
    Program train({"train", "--data-dir", "/nowhere"});
    EXPECT_EQ(train.exit_code(), 1);
    expect_contains(train.output(), message);
}

TEST(Program, RunsTheInstructionSetThatItIsTold) {
    const Forced forced(nullptr, "avx2");
    expect_info("avx2", "avx2");
}

TEST(Program, RunsTheMicroarchitectureThatItIsTold) {
    if (instruction_set() == std::string("avx512")) {
        const Forced forced("avx512");
        expect_info("avx512", "avx512");
    }
    const Forced forced("avx2");
    expect_info("avx2", "avx2");
}

TEST(Program, NamesAnInstructionSetThatItDoesNotKnow) {
    const Forced forced(nullptr, "avx1024");
    expect_refusal(", given \"avx1024\"");
}

TEST(Program, NamesAMicroarchitectureThatItDoesNotKnow) {
    const Forced forced("zen5");
    expect_refusal(", given \"zen5\"");
}

TEST(Program, TakesEmptyVariablesForUnset) {
    std::string as_usual;
    {
        const Forced nothing(nullptr);
        Program program({"info"});
        EXPECT_EQ(program.exit_code(), 0);
        as_usual = program.output();
    }
    const Forced empty("", "");
    const Variable verbose("SPARSETRAIN_VERBOSE", "");
    Program program({"info"});
    EXPECT_EQ(program.exit_code(), 0);
    EXPECT_EQ(program.output(), as_usual);
}

TEST(Program, InfoNamesAWordForVerboseThatIsNone) {
    const Variable verbose("SPARSETRAIN_VERBOSE", "yes");
    Program program({"info"});
    EXPECT_EQ(program.exit_code(), 0);
    expect_contains(program.output(), "SPARSETRAIN_VERBOSE: expected 0, 1 or 2, given \"yes\"");
}

TEST(Program, NamesVariablesThatContradictEachOther) {
    const Forced forced("avx512", "avx2");
    expect_refusal(
        "SPARSETRAIN_UARCH=avx512: expected a microarchitecture of SPARSETRAIN_ISA=avx2, given one of "
        "avx512");
}

TEST(Program, MissingDataIsNamed) {
    Program program({"train", "--data-dir", "/nowhere"});
    EXPECT_EQ(program.exit_code(), 1);
    expect_contains(program.output(), "/nowhere: no such directory");
}

TEST(Program, MetricsPathIsTriedBeforeAnythingElse) {
    Program program({"train", "--metrics", "/nowhere/m.jsonl", "--data-dir", "/nowhere"});
    EXPECT_EQ(program.exit_code(), 1);
    expect_contains(program.output(), "metrics file /nowhere/m.jsonl: cannot be written");
}

// The table's row of the first pass of `convolution`, in words.
Arguments row_of(const std::string& output, const std::string& convolution) {
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(convolution + " ")) {
            std::istringstream words(line);
            return {std::istream_iterator<std::string>(words), {}};
        }
    return {};
}

TEST_F(ShortRun, PrintsAccuracyAndATablePerConvolution) {
    Program program(arguments({"--steps", "3", "--kernels", "zero_skip"}));
    ASSERT_EQ(program.exit_code(), 0) << program.output();
    expect_contains(program.output(), "step 1/3  loss ");
    expect_contains(program.output(), "of 11 images");
    expect_contains(program.output(), "thread CPU time");
    // name, shape in three words, zeros of src and diff_dst, pass, kernel, whose zeros it skips, two times,
    // speedup
    const Arguments conv2 = row_of(program.output(), "conv2");
    ASSERT_EQ(conv2.size(), 12U) << program.output();
    EXPECT_EQ(conv2[6], "fwd");
    EXPECT_EQ(conv2[7], to_string(test::in_use(Kernel::zero_skip)));
    EXPECT_EQ(conv2[8], test::in_use(Kernel::zero_skip) == Kernel::dense ? "-" : "src");
    const double zeros = std::stod(conv2[4]), chosen = std::stod(conv2[9]), dense = std::stod(conv2[10]);
    EXPECT_GT(zeros, 0);
    EXPECT_LT(zeros, 100);
    EXPECT_NEAR(std::stod(conv2[11]), dense / chosen, 0.05 * dense / chosen + 0.02);
    const Arguments conv1 = row_of(program.output(), "conv1");
    ASSERT_EQ(conv1.size(), 14U) << "expected \"not counted\" at the end:\n" << program.output();
    EXPECT_EQ(conv1[7], "dense");
}

TEST_F(ShortRun, WritesMetricsOfEveryStep) {
    Program program(arguments({"--steps", "3", "--threads", "2"}));
    ASSERT_EQ(program.exit_code(), 0) << program.output();
    const std::vector<json> all = records();
    ASSERT_EQ(all.size(), 5U);
    EXPECT_EQ(all[0]["record"], "header");
    EXPECT_EQ(all[0]["threads"], 2);
    for (int step = 1; step <= 3; ++step) {
        EXPECT_EQ(all[step]["step"], step);
        EXPECT_GT(all[step]["loss"], 0);
        EXPECT_GT(all[step]["ms"], 0);
        const json& conv2 = all[step]["convolutions"][1];
        EXPECT_GT(conv2["zeros_src"], 0);
        EXPECT_LT(conv2["zeros_src"], 100);
        EXPECT_EQ(conv2["passes"].size(), 3U);
        EXPECT_GT(conv2["passes"]["bwd_weights"]["ms"], 0);
        EXPECT_EQ(all[step]["convolutions"][0]["passes"].size(), 2U) << "the first has no bwd_data";
    }
    EXPECT_EQ(all[4]["record"], "summary");
    EXPECT_EQ(all[4]["clock"], "wall time");
    EXPECT_EQ(all[4]["convolutions"].size(), all[1]["convolutions"].size());
}

TEST_F(ShortRun, TrainingTimeIsThatOfTheSteps) {
    Program program(arguments({"--steps", "3"}));
    ASSERT_EQ(program.exit_code(), 0) << program.output();
    const std::vector<json> all = records();
    double seconds = 0;
    for (int step = 1; step <= 3; ++step) seconds += 1e-3 * all.at(step)["ms"].get<double>();
    EXPECT_NEAR(all.back()["training_seconds"], seconds, 1e-9 * seconds);
    EXPECT_NEAR(all.back()["images_per_second"], 3 * 4 / seconds, 1e-9 * 12 / seconds);
}

TEST_F(ShortRun, TakesTheLastValueOfARepeatedOption) {
    Program program(arguments({"--steps", "1", "--kernels", "auto", "--steps", "2", "--kernels", "dense"}));
    ASSERT_EQ(program.exit_code(), 0) << program.output();
    const std::vector<json> all = records();
    EXPECT_EQ(all[0]["kernels"], "dense");
    EXPECT_EQ(all.back()["steps"], 2);
}

TEST_F(ShortRun, IsRepeatedExactlyWithTheSameSeed) {
    std::vector<json> losses;
    for (const char* seed : {"5", "5", "6"}) {
        Program program(arguments({"--steps", "2", "--choice", "tables", "--seed", seed}));
        ASSERT_EQ(program.exit_code(), 0) << program.output();
        losses.push_back(records().at(2)["loss"]);
    }
    EXPECT_EQ(losses[0], losses[1]);
    EXPECT_NE(losses[0], losses[2]);
}

TEST_F(ShortRun, DivergenceIsAnErrorThatSuggestsALowerRate) {
    // Such a decay turns the sign of every weight and multiplies it by 9 in every step.
    Program program(arguments({"--steps", "200", "--learning-rate", "10", "--weight-decay", "1"}));
    EXPECT_EQ(program.exit_code(), 1) << program.output();
    expect_contains(program.output(), "training diverged");
    expect_contains(program.output(), "--learning-rate");
}

}  // namespace
}  // namespace sparsetrain
