// What `auto` learns from calls, on kernels whose times the tests make up.
#include "measured_choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <random>

namespace sparsetrain::test {
namespace {

using detail::Candidate;
using detail::ConvKernel;
using detail::MeasuredChoice;
using detail::Skips;

struct Named final : ConvKernel {
    using ConvKernel::ConvKernel;
    int channels_of_cost(const ConvShape& /*shape*/) const override { return 1; }
    detail::Packing packing(const WeightsShape& /*master*/) const override { return {}; }
    double largest_scratch(const ConvShape& /*shape*/, int /*threads*/) const override { return 0; }
    void run(const detail::ConvCall& /*call*/) const override {}
};

const std::array<Named, 4> kNamed = {Named(Kernel::dense, Pass::bwd_data, Skips::nothing),
                                     Named(Kernel::zero_skip, Pass::bwd_data, Skips::diff_dst),
                                     Named(Kernel::zero_skip, Pass::bwd_data, Skips::src),
                                     Named(Kernel::output_mask, Pass::bwd_data, Skips::results)};

// fixed + work * (1 - zeros), by the tables and in truth.
struct Line {
    double fixed, work;
    double at(double zeros) const { return fixed + work * (1 - zeros / 100); }
};
struct Truth {
    Line tables, truth;
    double zeros = 0;
};

// Kernels that take made-up times.
class World {
  public:
    explicit World(std::vector<Truth> kernels) : kernels_(std::move(kernels)) {}

    double time_of(std::size_t i) const { return kernels_[i].truth.at(kernels_[i].zeros); }
    double least() const {
        double least = time_of(0);
        for (std::size_t i = 1; i < kernels_.size(); ++i) least = std::min(least, time_of(i));
        return least;
    }
    void set_zeros(double zeros) {
        for (std::size_t i = 1; i < kernels_.size(); ++i) kernels_[i].zeros = zeros;
    }
    // A call: what it ran, whose true time counts, though `noise` times as much is measured.
    std::size_t call(double noise = 1) {
        std::vector<Candidate> candidates;
        for (std::size_t i = 0; i < kernels_.size(); ++i)
            candidates.push_back({&kNamed[i], kernels_[i].zeros, kernels_[i].tables.at(kernels_[i].zeros)});
        const std::size_t chosen = choice_.choose(candidates);
        choice_.add_time(candidates[chosen], 1e-3 * noise * time_of(chosen));
        return chosen;
    }
    const MeasuredChoice& choice() const { return choice_; }

  private:
    std::vector<Truth> kernels_;
    MeasuredChoice choice_;
};

constexpr Line kDense = {1, 0};

TEST(MeasuredChoice, BeginsWithTheCheapestOfTheTables) {
    EXPECT_EQ(World({{kDense, kDense, 0}, {{0.1, 1}, {0.1, 1}, 50}}).call(), 1U);
    EXPECT_EQ(World({{kDense, kDense, 0}, {{0.1, 1}, {0.1, 1}, 5}}).call(), 0U);
}

TEST(MeasuredChoice, WhatIsFarBehindByTheTablesIsNotTried) {
    World world({{kDense, kDense, 0}, {{0.1, 1}, {0.1, 1}, 90}});
    for (int call = 0; call < 1000; ++call) ASSERT_EQ(world.call(), 1U);
    EXPECT_EQ(world.choice().find(&kNamed[0]), nullptr);
}

TEST(MeasuredChoice, CandidatesThatAreCloseTakeTurns) {
    World world({{kDense, kDense, 0}, {{0.1, 1}, {0.1, 0.95}, 10}});
    std::array<int, 2> calls{};
    for (int call = 0; call < 12; ++call) ++calls[world.call()];
    EXPECT_EQ(calls, (std::array{6, 6}));
    for (int call = 0; call < 20; ++call) ASSERT_EQ(world.call(), 1U);
    EXPECT_EQ(world.choice().find(&kNamed[0])->runs, 6);
}

TEST(MeasuredChoice, OneThatIsClearlyBehindLeavesEarly) {
    World world({{kDense, {2.2, 0}, 0}, {{0.1, 1}, {0.1, 1}, 10}});
    std::array<int, 2> calls{};
    for (int call = 0; call < 100; ++call) ++calls[world.call()];
    EXPECT_EQ(calls[0], 2);
}

// Wrong tables, noise that slows one call in four by up to a tenth and one in twenty by far more, up to four
// kernels.
TEST(MeasuredChoice, FindsTheBestWithinThirtyCalls) {
    std::mt19937 random(1);
    const auto between = [&](double low, double high) {
        return std::uniform_real_distribution<double>(low, high)(random);
    };
    constexpr int kWorlds = 1000;
    int within_3_percent = 0, over_8_percent = 0;
    for (int i = 0; i < kWorlds; ++i) {
        std::vector<Truth> kernels = {{kDense, kDense, 0}};
        const double zeros = between(0, 95);
        for (int other = 0; other <= i % 3; ++other) {
            const Line truth = {between(0.05, 0.3), between(0.9, 1.3)};
            const double wrong = between(0.6, 1.4);
            kernels.push_back({{truth.fixed * wrong, truth.work * wrong}, truth, zeros});
        }
        World world(kernels);
        const auto noise = [&] {
            const double kind = between(0, 1);
            return kind < 0.05 ? between(1.1, 5) : kind < 0.3 ? between(1, 1.1) : between(1, 1.01);
        };
        for (int call = 0; call < 30; ++call) world.call(call == 0 ? 3 : noise());
        const double behind = world.time_of(world.call()) / world.least();
        if (behind <= 1.03) ++within_3_percent;
        if (behind > 1.08) ++over_8_percent;
    }
    EXPECT_GE(within_3_percent, kWorlds * 95 / 100);
    EXPECT_LE(over_8_percent, kWorlds * 3 / 1000);  // where nearly all calls of a kernel were disturbed
}

// The time of so many calls, relative to that of the best kernel in each.
double relative_time(World& world, int calls, const std::function<double(int)>& zeros) {
    double time = 0, least = 0;
    for (int call = 0; call < calls; ++call) {
        world.set_zeros(zeros(call));
        time += world.time_of(world.call());
        least += world.least();
    }
    return time / least;
}

TEST(MeasuredChoice, LooksCostLessThanAHundredthOfATrainingRun) {
    const std::vector<Truth> kernels = {{kDense, kDense, 0},
                                        {{0.2, 1}, {0.12, 1.05}, 0},
                                        {{0.15, 1}, {0.15, 1.1}, 0},
                                        {{0.1, 1.4}, {0.2, 1.2}, 0}};
    for (const int calls : {2000, 20000}) {
        World drifting(kernels), hovering(kernels), noisy(kernels);
        EXPECT_LT(relative_time(drifting, calls, [calls](int i) { return 20 + 60.0 * i / calls; }), 1.01);
        EXPECT_LT(relative_time(hovering, calls, [](int i) { return i % 2 == 0 ? 40 : 50; }), 1.01);
        EXPECT_LT(relative_time(noisy, calls, [](int i) { return 10 + i * 7919 % 13; }), 1.01);
    }
}

TEST(MeasuredChoice, LooksAgainWhenZerosHaveDrifted) {
    World world({{kDense, kDense, 0}, {{0.1, 1}, {0.3, 1.2}, 90}});
    for (int call = 0; call < 40; ++call) EXPECT_EQ(world.call(), 1U);
    world.set_zeros(30);  // by the tables, zero_skip is still the faster
    int of_dense = 0;
    for (int call = 0; call < 60; ++call) of_dense += world.call() == 0;
    EXPECT_GT(of_dense, 30);
    world.set_zeros(90);
    for (int call = 0; call < 20; ++call) world.call();
    EXPECT_EQ(world.call(), 1U);
}

// As calls that throw never tell their time.
TEST(MeasuredChoice, CallsWithoutATimeEndALookToo) {
    MeasuredChoice choice;
    const Candidate candidates[] = {{&kNamed[0], 0, 1}, {&kNamed[1], 50, 0.9}};
    for (int call = 0; call < 12; ++call) choice.choose(candidates);
    for (int call = 0; call < 20; ++call) EXPECT_EQ(choice.choose(candidates), 1U);
}

}  // namespace
}  // namespace sparsetrain::test
