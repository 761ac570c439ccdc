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
        EXPECT_GE(benchmark.at("checked"), 512) << name;
        EXPECT_GT(benchmark.at("cpu_time"), 0) << name;
        EXPECT_NE(benchmark.at("label"), "") << name;
    }
    std::map<std::string, int> expected;
    for (const char* pass : {"fwd", "bwd_data", "bwd_weights"})
        for (const char* zeros : {"z0", "z30", "z50", "z70", "z80", "z90"})
            for (const char* implementation :
                 {"auto", "dense", "zero_skip", "onednn", "onednn_winograd", "im2col"})
                expected[std::string("conv/") + pass + "/tiny/" + zeros + "/" + implementation] = 2;
    for (const char* zeros : {"z0", "z30", "z50", "z70", "z80", "z90"})
        for (const char* implementation : {"output_mask", "auto_masked"})
            expected[std::string("conv/bwd_data/tiny/") + zeros + "/" + implementation] = 2;
    EXPECT_EQ(found, expected);
    const auto& context = report.at("context");
    EXPECT_EQ(context.at("threads"), "1");
    EXPECT_EQ(context.at("time"), "cpu_time");
    EXPECT_EQ(context.at("batch"), "as listed");
    EXPECT_EQ(context.at("rounds"), "2");
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
    std::set<std::string> found;
    std::vector<double> flops;  // by FLOPS, in the wall's time
    for (const auto& benchmark : report.at("benchmarks")) {
        const std::string name = benchmark.at("name");
        found.insert(name.substr(name.rfind('/') + 1));
        flops.push_back(benchmark.at("real_time").get<double>() / 1e3 * benchmark.at("FLOPS").get<double>());
    }
    // The median, as the scheduler may come between the two clocks' readings.
    std::nth_element(flops.begin(), flops.begin() + static_cast<int>(flops.size() / 2), flops.end());
    EXPECT_NEAR(flops[flops.size() / 2] / (2.0 * 3 * 32 * 32 * 9 * 14 * 14), 1, 0.1);
    EXPECT_EQ(found, (std::set<std::string>{"auto", "dense", "zero_skip", "output_mask", "auto_masked",
                                            "onednn", "onednn_winograd", "im2col"}));
    EXPECT_NE(read(temporary("out")).find("of wall time of all threads"), std::string::npos);
}

TEST(ConvBench, HasAGapWhereOneDnnHasNoWinograd) {
    ASSERT_TRUE(run_conv_bench("mb1ic16oc16ih9kh3sh7ph1n\"tiny\"\n",
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

TEST(ConvBench, FailsWhereALayerClassIsMissing) {
    EXPECT_FALSE(run_conv_bench("mb1ic16oc16ih9kh3sh7ph1n\"tiny\"\n",
                                "--rounds 1 --benchmark_min_time=0.0001 --benchmark_filter=/z50/dense"));
    EXPECT_NE(read(temporary("out")).find("ERROR"), std::string::npos) << read(temporary("out"));
}

TEST(ConvBench, RefusesWhatItDoesNotUnderstand) {
    EXPECT_FALSE(run_conv_bench("mb2ic16oc16ih9n\"tiny\"\n", ""));
    EXPECT_EQ(read(temporary("err")),
              "conv_bench: " + temporary("layers.txt") + ":1: expected the key 'kh', which is missing\n");
    EXPECT_FALSE(run_conv_bench("mb1ic16oc16ih9kh3ph1n\"tiny\"\n", "--no-such-option"));
    EXPECT_NE(read(temporary("err")).find("--no-such-option"), std::string::npos);
    EXPECT_FALSE(run_conv_bench("mb1ic16oc16ih9kh3ph1n\"tiny\"\n", "--benchmark_filter=no_such_name"));
    const std::pair<const char*, const char*> wrong[] = {
        {"--batch 0", "--batch: Value 0 not in range 1 to 65536"},     {"--batch many", "--batch"},
        {"--threads 0", "--threads: Value 0 not in range 1 to 256"},   {"--threads 257", "--threads"},
        {"--batch 65536", "exceeds 2147483647 elements, found 65536"},
    };
    for (const auto& [options, expected] : wrong) {
        EXPECT_FALSE(run_conv_bench("mb1ic16oc16ih99kh3ph1n\"tiny\"\n", options));
        EXPECT_NE(read(temporary("err")).find(expected), std::string::npos) << read(temporary("err"));
    }
}
