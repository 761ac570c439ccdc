// What a benchmark group does with implementations that are wrong or give up.
#include "group.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace sparsetrain::bench {

namespace {

const Layer kLayer = {"tiny", {{1, 16, 5, 5}, 16, 3, 3, 1, {1, 1, 1, 1}}};
const GroupKey kKey = {&kLayer, Pass::fwd, 50};

struct Idle : Implementation {
    void run() override {}
    void publish_result() override {}
    std::string label() const override { return "idle"; }
};

std::unique_ptr<Implementation> make_idle(Problem&) {
    return std::make_unique<Idle>();
}

std::unique_ptr<Implementation> refuse(Problem&) {
    throw std::runtime_error("no such machine");
}

}  // namespace

TEST(BenchmarkName, HasNoSuffix) {
    EXPECT_EQ(benchmark_name(kKey, "idle"), "conv/fwd/tiny/z50/idle");
}

TEST(Turns, OverTheRoundsEveryImplementationStartsOnceAndFollowsEveryOther) {
    const std::size_t count = implementations().size();
    std::set<std::string> starts;
    std::set<std::pair<std::string, std::string>> neighbours;
    for (std::size_t round = 0; round < count; ++round) {
        const auto turns = turns_of(static_cast<int>(round));
        ASSERT_EQ(turns.size(), count);
        starts.insert(turns[0]->name);
        for (std::size_t i = 1; i < count; ++i) neighbours.emplace(turns[i - 1]->name, turns[i]->name);
    }
    EXPECT_EQ(starts.size(), count);
    EXPECT_EQ(neighbours.size(), count * (count - 1));
}

TEST(Group, MistrustsAnImplementationThatLeavesAnothersResult) {
    Group group(kKey);
    EXPECT_EQ(group.contestant({"onednn", make_onednn}).failure, "");
    EXPECT_TRUE(group.contestant({"idle", make_idle}).failure.starts_with("mistrusted: expected "));
}

TEST(Group, KeepsWhyAnImplementationGaveUp) {
    Group group(kKey);
    EXPECT_EQ(group.contestant({"refusing", refuse}).failure, "no such machine");
}

TEST(CurrentGroup, IsKeptUntilAnotherIsAskedFor) {
    CurrentGroup current;
    const auto& first = current.get(kKey).contestant({"idle", make_idle});
    EXPECT_EQ(&current.get(kKey).contestant({"idle", make_idle}), &first);
    const GroupKey other = {&kLayer, Pass::bwd_weights, 50};
    EXPECT_EQ(current.get(other).problem().pass, Pass::bwd_weights);
}

}  // namespace sparsetrain::bench
