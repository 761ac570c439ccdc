#include "tune/cost_fit.h"

#include <gtest/gtest.h>

#include <random>

#include "schedules/faults.h"

namespace sparsetrain::tune {
namespace {

using schedules::Cost;

const std::vector<int> kChannels = {16, 64, 128, 256, 512}, kPercents = {0, 30, 50, 70, 90};

// The speeds of layers with such a cost.
std::vector<SpeedPoint> points_of(const Cost& cost, const std::vector<int>& channels = kChannels,
                                  const std::vector<int>& percents = kPercents) {
    std::vector<SpeedPoint> points;
    for (const int c : channels)
        for (const int percent : percents) points.push_back({c, percent, 1 / cost.at(c, percent)});
    return points;
}

void expect_near(const Cost& found, const Cost& expected) {
    EXPECT_NEAR(found.fixed, expected.fixed, 1e-6);
    EXPECT_NEAR(found.few, expected.few, 1e-6);
    EXPECT_NEAR(found.work, expected.work, 1e-6);
}

double squared_error(const Cost& cost, const std::vector<SpeedPoint>& points) {
    double sum = 0;
    for (const SpeedPoint& point : points) {
        const double error = cost.at(point.channels, point.zeros_percent) * point.speed - 1;
        sum += error * error;
    }
    return sum;
}

TEST(CostFit, FindsTheCostThatSpeedsAreOf) {
    for (const Cost& cost : {Cost{0.1, 0.07, 1.01}, Cost{0.25, 0.54, 1}, Cost{0.1, 0, 1.2}, Cost{0, 0.3, 1.1},
                             Cost{0, 0, 0.9}, Cost{0.2, 1.5, 2.2}})
        expect_near(fit_cost(points_of(cost)), cost);
}

TEST(CostFit, IsTheNearestThatIsNowhereNegative) {
    std::mt19937 random(1);
    std::normal_distribution<double> noise(0, 0.2);
    int without_fixed = 0, without_few = 0;
    for (int round = 0; round < 200; ++round) {
        std::vector<SpeedPoint> points = points_of({0.02, 0.02, 1.1});
        for (SpeedPoint& point : points) point.speed *= std::exp(noise(random));
        const Cost cost = fit_cost(points);
        ASSERT_EQ(schedules::fault_of(cost), "");
        const double least = squared_error(cost, points);
        for (const double fixed : {-0.01, 0.0, 0.01}) {
            for (const double few : {-0.01, 0.0, 0.01}) {
                for (const double work : {-0.01, 0.0, 0.01}) {
                    const Cost other = {cost.fixed + fixed, cost.few + few, cost.work + work};
                    if (!schedules::fault_of(other).empty()) continue;
                    ASSERT_GE(squared_error(other, points), least - 1e-9);
                }
            }
        }
        if (cost.fixed == 0) ++without_fixed;
        if (cost.few == 0) ++without_few;
    }
    EXPECT_GT(without_fixed, 0);  // else the noise tried nothing
    EXPECT_GT(without_few, 0);
}

// A fit of times themselves would follow those at 0 %, which are the longest.
TEST(CostFit, CountsAllPercentsAlike) {
    std::vector<SpeedPoint> points = points_of({0.1, 0, 1}, {256});
    points.back().speed /= 1.3;
    const Cost cost = fit_cost(points);
    EXPECT_NEAR(cost.at(256, 90), 0.25, 0.005);  // else 0.234
}

TEST(CostFit, OfOneNumberOfChannelsHasNoTermForFew) {
    expect_near(fit_cost(points_of({0.1, 0.2, 1}, {64})), {0.3, 0, 1});
    expect_near(fit_cost(points_of({0.1, 0.2, 1}, {16, 48, 64})), {0.3, 0, 1});  // few count as 64
    expect_near(fit_cost(points_of({0.1, 0.2, 1}, {128, 128})), {0.2, 0, 1});
}

TEST(CostFit, OfOnePercentIsWorkAlone) {
    expect_near(fit_cost({{64, 50, 1.25}}), {0, 0, 1.6});
    const Cost cost = fit_cost(points_of({0.1, 0.2, 1}, kChannels, {50}));
    EXPECT_EQ(cost.fixed, 0);
    EXPECT_EQ(cost.few, 0);
    EXPECT_GT(cost.work, 1.2);
    EXPECT_LT(cost.work, 1.6);
}

// Either term explains them.
TEST(CostFit, OfTwoPointsPrefersFixedToFew) {
    expect_near(fit_cost({{64, 0, 1 / 1.2}, {128, 50, 1 / 0.7}}), {0.2, 0, 1});
}

TEST(CostFit, OfAKernelThatZerosDoNotHelpIsFlat) {
    std::vector<SpeedPoint> points = points_of({1.5, 0, 0.01}, {64, 256});
    for (SpeedPoint& point : points) point.speed *= 1 - point.zeros_percent * 1e-3;
    const Cost cost = fit_cost(points);
    EXPECT_GT(cost.work, 0);
    EXPECT_GT(cost.at(64, 90), 1.4);
    EXPECT_EQ(schedules::fault_of(cost), "");
}

TEST(CostFit, IsWithinWhatABuildTakes) {
    EXPECT_EQ(schedules::fault_of(fit_cost({{64, 0, 0.01}, {64, 90, 0.01}})), "");
    EXPECT_EQ(schedules::fault_of(fit_cost({{64, 0, 1}, {64, 90, 0.1}})), "");
    EXPECT_EQ(schedules::fault_of(fit_cost({{64, 99, 1e-3}})), "");
}

}  // namespace
}  // namespace sparsetrain::tune
