// conv_bench as a program: a whole run on a tiny layer.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

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
            for (const char* implementation : {"auto", "dense", "zero_skip", "onednn"})
                expected[std::string("conv/") + pass + "/tiny/" + zeros + "/" + implementation] = 2;
    EXPECT_EQ(found, expected);
}

TEST(ConvBench, ComparesWithThePeer) {
    ASSERT_TRUE(run_conv_bench("mb1ic16oc16ih9kh3ph1n\"tiny\"\n",
                               "--rounds 3 --benchmark_min_time=0.0001 --benchmark_filter=conv/fwd/.*/z50/"));
    const std::string out = read(temporary("out"));
    EXPECT_NE(out.find("fwd: speed over onednn"), std::string::npos) << out;
    EXPECT_EQ(out.find("bwd_data: speed over onednn"), std::string::npos) << out;
}

TEST(ConvBench, FailsWhereALayerClassIsMissing) {
    EXPECT_FALSE(run_conv_bench("mb1ic16oc16ih9kh5ph2n\"tiny\"\n",
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
}
