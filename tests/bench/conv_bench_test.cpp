// conv_bench as a program: a whole run on a tiny layer.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "implementation.h"
#include "sparsetrain/library.h"

namespace sparsetrain {

namespace {

// A file of this test's own: tests run in parallel.
std::string temporary(const std::string& name) {
    return testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + "_" + name;
}

std::string read(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

// Whether conv_bench succeeded; its output goes to `out` and `err`.
bool run_conv_bench(const std::string& layers, const std::string& options) {
    std::ofstream(temporary("layers.txt")) << layers;
    const std::string command = std::string("'") + CONV_BENCH + "' --layers '" + temporary("layers.txt") +
                                "' " + options + " >'" + temporary("out") + "' 2>'" + temporary("err") + "'";
    return std::system(command.c_str()) == 0;
}

using Names = std::set<std::string>;

// "conv/<pass>/tiny/z50/<implementation>" of whatever `pass` has for such a layer; oneDNN has Winograd on
// some CPUs only.
Names expected_names(const std::string& pass, const std::string& layer, const std::string& zeros,
                     const ConvShape& shape) {
    Names implementations = {"auto", "dense", "zero_skip", "onednn", "im2col"};
    if (pass == "bwd_data") implementations.insert({"output_mask", "auto_masked"});
    if (bench::onednn_has_winograd(shape, Pass::fwd)) implementations.insert("onednn_winograd");
    Names names;
    for (const std::string& implementation : implementations)
        names.insert("conv/" + pass + "/" + layer + "/" + zeros + "/" + implementation);
    return names;
}

}  // namespace

TEST(ConvBench, TimesAndChecksEveryImplementation) {
    ASSERT_TRUE(run_conv_bench("mb2ic20oc32ih9kh3ph1n\"tiny\"\n",
                               "--rounds 2 --benchmark_min_time=0.0001 --benchmark_format=json"))
        << read(temporary("err"));
    const auto report = nlohmann::json::parse(read(temporary("out")));
    std::map<std::string, int> found;
    for (const auto& benchmark : report.at("benchmarks")) {
        const std::string name = benchmark.at("name");
        ++found[name];
        EXPECT_GT(benchmark.at("cpu_time"), 0) << name;
        EXPECT_GT(benchmark.at("FLOPS"), 0) << name;
        if (name == "peak/fma") continue;
        EXPECT_GE(benchmark.at("checked"), 512) << name;
        EXPECT_NE(benchmark.at("label"), "") << name;
    }
    std::map<std::string, int> expected = {{"peak/fma", 2}};
    for (const char* pass : {"fwd", "bwd_data", "bwd_weights"})
        for (const char* zeros : {"z0", "z30", "z50", "z70", "z80", "z90", "z95"})
            for (const std::string& name :
                 expected_names(pass, "tiny", zeros, {{2, 20, 9, 9}, 32, 3, 3, 1, {1, 1, 1, 1}}))
                expected[name] = 2;
    EXPECT_EQ(found, expected);
    const auto& context = report.at("context");
    EXPECT_EQ(context.at("threads"), "1");
    EXPECT_EQ(context.at("time"), "cpu_time");
    EXPECT_EQ(context.at("batch"), "as listed");
    EXPECT_EQ(context.at("rounds"), "2");
    EXPECT_EQ(context.at("sparsetrain"), version());
    for (const char* name : {"halide", "compiler", "onednn", "openblas"})
        EXPECT_NE(context.at(name), "") << name;
}

TEST(ConvBench, ComparesWallTimeOfSeveralThreadsUnderTheSameNames) {
    ASSERT_TRUE(run_conv_bench("mb2ic32oc32ih14kh3ph1n\"tiny\"\n",
                               "--threads 2 --batch 3 --rounds 1 --benchmark_min_time=0.0001 "
                               "--benchmark_filter=/z50/ --benchmark_out='" +
                                   temporary("json") + "'"))
        << read(temporary("err"));
    const auto report = nlohmann::json::parse(read(temporary("json")));
    const auto& context = report.at("context");
    EXPECT_EQ(context.at("threads"), "2");
    EXPECT_EQ(context.at("time"), "real_time");
    EXPECT_EQ(context.at("batch"), "3");
    Names found;
    std::vector<double> flops;  // by FLOPS, in the wall's time
    for (const auto& benchmark : report.at("benchmarks")) {
        const std::string name = benchmark.at("name");
        found.insert(name);
        flops.push_back(benchmark.at("real_time").get<double>() / 1e3 * benchmark.at("FLOPS").get<double>());
    }
    // The median, as the scheduler may come between the two clocks' readings.
    std::nth_element(flops.begin(), flops.begin() + static_cast<int>(flops.size() / 2), flops.end());
    EXPECT_NEAR(flops[flops.size() / 2] / (2.0 * 3 * 32 * 32 * 9 * 14 * 14), 1, 0.1);
    Names expected;
    for (const char* pass : {"fwd", "bwd_data", "bwd_weights"})
        expected.merge(expected_names(pass, "tiny", "z50", {{3, 32, 14, 14}, 32, 3, 3, 1, {1, 1, 1, 1}}));
    EXPECT_EQ(found, expected);
    EXPECT_NE(read(temporary("out")).find("of wall time of all threads"), std::string::npos);
}

// Strides, with rows of src that no filter reaches, and filters of one tap among them.
TEST(ConvBench, RunsEveryLayerClassThatSkipsZeros) {
    std::string problems;
    Names expected;
    for (const LayerClassInfo& layer : layer_classes()) {
        if (!layer.skips_zeros) continue;
        problems += "mb2ic32oc16ih12kh" + std::to_string(layer.filter_h) + "sh" +
                    std::to_string(layer.stride) + "n\"" + layer.name + "\"\n";
        for (const char* pass : {"fwd", "bwd_data", "bwd_weights"})
            expected.merge(
                expected_names(pass, layer.name, "z50",
                               {{2, 32, 12, 12}, 16, layer.filter_h, layer.filter_w, layer.stride, {}}));
    }
    ASSERT_TRUE(run_conv_bench(problems,
                               "--rounds 1 --benchmark_min_time=0.0001 --benchmark_filter=/z50/ "
                               "--benchmark_format=json"))
        << read(temporary("err"));
    const auto report = nlohmann::json::parse(read(temporary("out")));
    Names found;
    for (const auto& benchmark : report.at("benchmarks")) found.insert(benchmark.at("name"));
    EXPECT_EQ(found, expected);
}

TEST(ConvBench, HasAGapWhereOneDnnHasNoWinograd) {
    ASSERT_TRUE(run_conv_bench("mb1ic16oc16ih9kh3sh2ph1n\"tiny\"\n",
                               "--rounds 1 --benchmark_min_time=0.0001 "
                               "--benchmark_filter='/z50/(onednn|im2col)'"))
        << read(temporary("out"));
    EXPECT_EQ(read(temporary("out")).find("onednn_winograd"), std::string::npos);
    EXPECT_NE(read(temporary("out")).find("/im2col"), std::string::npos);
}

TEST(ConvBench, ComparesWithThePeer) {
    ASSERT_TRUE(run_conv_bench("mb1ic16oc16ih9kh3ph1n\"tiny\"\n",
                               "--rounds 3 --benchmark_min_time=0.0001 --benchmark_filter=conv/fwd/.*/z50/"));
    const std::string out = read(temporary("out"));
    EXPECT_NE(out.find("fwd: speed over onednn by zeros, of CPU time of one thread"), std::string::npos)
        << out;
    EXPECT_EQ(out.find("bwd_data: speed over onednn"), std::string::npos) << out;
}

// One of oneDNN's own lines, with a name that has the slashes of the benchmarks' names, and what is left out.
TEST(ConvBench, MeasuresWhatItSupportsOfAFile) {
    ASSERT_TRUE(run_conv_bench("--dir=BWD_D\r\nic16oc16ih9kh3sh7\r\nic16oc16_ih9oh9kh3_n\"a/b:c*2\"\r\n",
                               "--rounds 1 --benchmark_min_time=0.0001 --benchmark_format=json "
                               "--benchmark_filter='conv/fwd/.*/z50/(auto|onednn)$'"))
        << read(temporary("err"));
    const auto report = nlohmann::json::parse(read(temporary("out")));
    Names found;
    for (const auto& benchmark : report.at("benchmarks")) found.insert(benchmark.at("name"));
    EXPECT_EQ(found, (Names{"conv/fwd/a/b:c*2/z50/auto", "conv/fwd/a/b:c*2/z50/onednn"}));
    const std::string err = read(temporary("err"));
    const std::string skipped = "conv_bench: " + temporary("layers.txt");
    EXPECT_NE(err.find(skipped + ":1: skipped: '--dir=BWD_D'"), std::string::npos) << err;
    EXPECT_NE(err.find(skipped + ":2: skipped: Conv2d: expected a layer class that is linked"),
              std::string::npos)
        << err;
}

TEST(ConvBench, RefusesWhatItDoesNotUnderstand) {
    EXPECT_FALSE(run_conv_bench("mb2ic16oc16ih9n\"tiny\"\n", ""));
    EXPECT_EQ(read(temporary("err")),
              "conv_bench: " + temporary("layers.txt") + ":1: expected the key 'kh', which is missing\n");
    EXPECT_FALSE(run_conv_bench("ic16oc16ih9kh3\nmb8388608ic16oc16ih9kh3ph1\n", ""));
    EXPECT_EQ(read(temporary("err")),
              "conv_bench: " + temporary("layers.txt") +
                  ":2: expected tensors of at most 2147483647 elements, found 10871635968 with mb8388608 in "
                  "mb8388608ic16oc16ih9kh3ph1\n");
    EXPECT_FALSE(run_conv_bench("mb1ic16oc16ih9kh3ph1n\"tiny\"\n", "--no-such-option"));
    EXPECT_NE(read(temporary("err")).find("--no-such-option"), std::string::npos);
    EXPECT_FALSE(run_conv_bench("mb1ic16oc16ih9kh3ph1n\"tiny\"\n", "--benchmark_filter=no_such_name"));
    const std::pair<const char*, const char*> wrong[] = {
        {"--batch 0", "--batch: Value 0 not in range 1 to 65536"},
        {"--batch many", "--batch"},
        {"--threads 0", "--threads: Value 0 not in range 1 to 256"},
        {"--threads 257", "--threads"},
        {"--batch 65536", "2147483647 elements, found 10277093376 with mb65536 in tiny"},
    };
    for (const auto& [options, expected] : wrong) {
        EXPECT_FALSE(run_conv_bench("mb1ic16oc16ih99kh3ph1n\"tiny\"\n", options));
        EXPECT_NE(read(temporary("err")).find(expected), std::string::npos) << read(temporary("err"));
    }
}

}  // namespace sparsetrain
