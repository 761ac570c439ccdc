#include "tune/crossover.h"

#include <gtest/gtest.h>

namespace sparsetrain::tune {
namespace {

TEST(Crossing, IsWhereSpeedPassesOne) {
    EXPECT_DOUBLE_EQ(crossing({{0, 0.8}, {30, 1.2}, {50, 2}}), 15);
    EXPECT_DOUBLE_EQ(crossing({{0, 0.5}, {30, 0.9}, {50, 1.1}}), 40);
}

TEST(Crossing, IsBehindTheLastPercentAtWhichDenseIsFaster) {
    EXPECT_DOUBLE_EQ(crossing({{0, 1.1}, {30, 0.9}, {50, 1.1}}), 40);
}

TEST(Crossing, StaysWithinPercentages) {
    EXPECT_EQ(crossing({{0, 1.1}, {50, 2}}), 1);
    EXPECT_EQ(crossing({{0, 0.5}, {90, 0.99}}), 99);
}

TEST(Envelope, OfLayersThatDoNotDependOnChannelsIsTheHighest) {
    const schedules::Crossover crossover = envelope({{64, 20}, {256, 24.2}, {512, 22}});
    EXPECT_EQ(crossover.deep, 24.5);
    EXPECT_EQ(crossover.shallow, 0);
}

TEST(Envelope, FollowsChannels) {
    // 10 + 20 * 64 / channels
    const schedules::Crossover crossover = envelope({{64, 30}, {128, 20}, {256, 15}, {1024, 11.25}});
    EXPECT_DOUBLE_EQ(crossover.deep, 10);
    EXPECT_DOUBLE_EQ(crossover.shallow, 20);
}

TEST(Envelope, IsNowhereBelowALayer) {
    const std::vector<Crossing> sets[] = {
        {{64, 40}}, {{64, 99}, {128, 1}}, {{64, 30}, {128, 29}, {256, 5}, {512, 6}}, {{16, 50}, {512, 10}}};
    for (const std::vector<Crossing>& layers : sets) {
        const schedules::Crossover crossover = envelope(layers);
        EXPECT_GT(crossover.deep, 0);
        EXPECT_GE(crossover.shallow, 0);
        EXPECT_LT(crossover.at(1), 100);
        for (const Crossing& layer : layers) EXPECT_GE(crossover.at(layer.channels), layer.percent);
    }
}

}  // namespace
}  // namespace sparsetrain::tune
