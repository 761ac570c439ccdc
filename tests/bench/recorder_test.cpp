// The summary after a run.
#include "recorder.h"

#include <gtest/gtest.h>

#include <sstream>

namespace sparsetrain::bench {

namespace {

// 2 * 16 * 16 * 5 * 5 * 9 multiply-adds are 115200 FLOPs.
const std::vector<Layer> kLayers = {{"tiny", {{1, 16, 5, 5}, 16, 3, 3, 1, {1, 1, 1, 1}}}};

std::string summary(const Times& times) {
    std::ostringstream text;
    print_speeds(times, kLayers, Clock::cpu, text);
    return text.str();
}

}  // namespace

TEST(PrintSpeeds, DividesMediansAndTellsTheSpread) {
    const std::string text = summary({{"conv/fwd/tiny/z50/onednn", {4, 6, 5}},
                                      {"conv/fwd/tiny/z50/dense", {2, 2, 2.5}},
                                      {"conv/fwd/tiny/z50/zero_skip", {1, 1.5, 1.25}}});
    // Ratios of the rounds: 2, 3, 2 and 4, 4, 4.
    EXPECT_NE(text.find(" 2.50 +-20%"), std::string::npos) << text;
    EXPECT_NE(text.find(" 4.00 +-0%"), std::string::npos) << text;
    EXPECT_EQ(text.find("bwd_data"), std::string::npos) << text;
}

TEST(PrintSpeeds, ClaimsNoSpreadOfOneRound) {
    const std::string text = summary({{"conv/fwd/tiny/z50/onednn", {4}}, {"conv/fwd/tiny/z50/dense", {2}}});
    EXPECT_NE(text.find(" 2.00"), std::string::npos) << text;
    EXPECT_EQ(text.find("+-"), std::string::npos) << text;
}

TEST(PrintSpeeds, GivesThePeersOwnSpeed) {
    const std::string text = summary({{"conv/bwd_data/tiny/z0/onednn", {0.00115200, 1, 0.00115200}}});
    EXPECT_NE(text.find("100 GFLOP/s"), std::string::npos) << text;
}

TEST(PrintSpeeds, SaysNothingWithoutThePeer) {
    EXPECT_EQ(summary({{"conv/fwd/tiny/z50/dense", {2, 2, 2.5}}}), "");
}

}  // namespace sparsetrain::bench
