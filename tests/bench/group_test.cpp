// What a benchmark group does with implementations that are wrong or give up.
#include "group.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <stdexcept>

#include "sparsetrain/library.h"

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

class TurnsOf : public testing::TestWithParam<std::size_t> {};

TEST_P(TurnsOf, EveryImplementationStartsAndFollowsEveryOtherEquallyOften) {
    const std::size_t count = GetParam(), times = count % 2 == 0 ? 1 : 2;
    const std::vector<ImplementationEntry> all(count, ImplementationEntry{"idle", make_idle, nullptr});
    ImplementationEntries entries;
    for (const ImplementationEntry& entry : all) entries.push_back(&entry);
    std::map<const ImplementationEntry*, std::size_t> starts;
    std::map<std::pair<const ImplementationEntry*, const ImplementationEntry*>, std::size_t> neighbours;
    for (std::size_t round = 0; round < times * count; ++round) {
        const ImplementationEntries turns = turns_of(static_cast<int>(round), entries);
        ASSERT_EQ(std::set(turns.begin(), turns.end()).size(), count);
        ++starts[turns[0]];
        for (std::size_t i = 1; i < count; ++i) ++neighbours[{turns[i - 1], turns[i]}];
    }
    ASSERT_EQ(starts.size(), count);
    for (const auto& [entry, found] : starts) EXPECT_EQ(found, times);
    ASSERT_EQ(neighbours.size(), count * (count - 1));
    for (const auto& [pair, found] : neighbours) EXPECT_EQ(found, times);
}

INSTANTIATE_TEST_SUITE_P(Counts, TurnsOf, testing::Range<std::size_t>(1, 10));

std::set<std::string> names_of(const ConvShape& shape, Pass pass) {
    std::set<std::string> names;
    for (const ImplementationEntry* entry : implementations_of(shape, pass)) names.insert(entry->name);
    return names;
}

// oneDNN 2.6.3 has Winograd for AVX-512 alone.
TEST(ImplementationsOf, LeavesWinogradOutWhereOneDnnHasNone) {
    const ConvShape with_stride = {{1, 16, 9, 9}, 16, 3, 3, 2, {1, 1, 1, 1}};
    for (const Pass pass : kPasses) {
        std::set<std::string> all = {"auto", "dense", "zero_skip", "onednn", "im2col"};
        if (pass == Pass::bwd_data) all.insert({"output_mask", "auto_masked"});
        EXPECT_EQ(names_of(with_stride, pass), all) << to_string(pass);
        if (onednn_has_winograd(kLayer.shape, pass)) all.insert("onednn_winograd");
        EXPECT_EQ(names_of(kLayer.shape, pass), all) << to_string(pass);
    }
}

TEST(ImplementationsOf, LeavesOutWhatALayerClassHasNot) {
    for (const LayerClassInfo& layer : layer_classes()) {
        const ConvShape shape = {{1, 16, 15, 15}, 16, layer.filter_h, layer.filter_w, layer.stride, {}};
        for (const Pass pass : kPasses) {
            SCOPED_TRACE(std::string(layer.name) + " " + to_string(pass));
            const bool dense = pass != Pass::bwd_data || layer.backward_data;
            const std::set<std::string> names = names_of(shape, pass);
            EXPECT_EQ(names.contains("auto"), dense);
            EXPECT_EQ(names.contains("dense"), dense);
            EXPECT_EQ(names.contains("zero_skip"), dense && layer.skips_zeros);
            for (const char* by_mask : {"output_mask", "auto_masked"})
                EXPECT_EQ(names.contains(by_mask), pass == Pass::bwd_data && layer.skips_zeros);
            EXPECT_TRUE(names.contains("onednn") && names.contains("im2col"));
        }
    }
}

TEST(Group, MistrustsAnImplementationThatLeavesAnothersResult) {
    Group group(kKey);
    EXPECT_EQ(group.contestant({"onednn", make_onednn, nullptr}).failure, "");
    EXPECT_TRUE(group.contestant({"idle", make_idle, nullptr}).failure.starts_with("mistrusted: expected "));
}

TEST(Group, KeepsWhyAnImplementationGaveUp) {
    Group group(kKey);
    EXPECT_EQ(group.contestant({"refusing", refuse, nullptr}).failure, "no such machine");
}

TEST(Group, GivesEveryImplementationItsZeros) {
    static const Problem* given;
    const auto keep_problem = [](Problem& problem) {
        given = &problem;
        return make_idle(problem);
    };
    Group group({&kLayer, Pass::bwd_data, 50});
    group.contestant({"masked", keep_problem, nullptr, ZerosIn::relu_mask});
    const Problem* masked = given;
    EXPECT_TRUE(masked->relu_mask.view());
    group.contestant({"sparse", keep_problem, nullptr});
    EXPECT_FALSE(given->relu_mask.view());
    group.contestant({"masked too", keep_problem, nullptr, ZerosIn::relu_mask});
    EXPECT_EQ(given, masked);
}

TEST(CurrentGroup, IsKeptUntilAnotherIsAskedFor) {
    CurrentGroup current;
    const auto& first = current.get(kKey).contestant({"idle", make_idle, nullptr});
    EXPECT_EQ(&current.get(kKey).contestant({"idle", make_idle, nullptr}), &first);
    const GroupKey other = {&kLayer, Pass::bwd_weights, 50};
    EXPECT_EQ(current.get(other).key(), other);
}

}  // namespace sparsetrain::bench
