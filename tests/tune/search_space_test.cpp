// The rows that the tuner considers, and what it thinks of them.
#include "tune/search_space.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tune/layers.h"

namespace sparsetrain::tune {
namespace {

using schedules::tables_of;

Subject subject_of(const std::string& name) {
    for (const Subject& subject : all_subjects())
        if (subject.name() == name) return subject;
    ADD_FAILURE() << "no subject " << name;
    return {};
}

TEST(Subjects, AreAllRowsOfAClass) {
    std::vector<std::string> names;
    for (const Subject& subject : all_subjects())
        if (subject.layer_class == "conv3x3_stride1") names.push_back(subject.name().substr(16));
    EXPECT_EQ(names, (std::vector<std::string>{"fwd/zero_skip/wide", "fwd/zero_skip/narrow",
                                               "bwd_data/zero_skip/wide", "bwd_data/zero_skip/narrow",
                                               "bwd_data/output_mask", "bwd_weights/zero_skip",
                                               "fwd/dense/planar", "fwd/dense", "bwd_data/dense",
                                               "bwd_weights/dense/planar", "bwd_weights/dense"}));
    EXPECT_EQ(candidate_name(subject_of("conv3x3_stride1/fwd/zero_skip/wide"), {32, 4, 14, 400}),
              "conv3x3_stride1_fwd_zero_skip_wide_32_4_14_400");
}

TEST(SearchSpace, HasTodaysRowAndOthersWithinTheBudgets) {
    for (const schedules::Tables* tables : schedules::kAllTables) {
        for (const Subject& subject : all_subjects()) {
            SCOPED_TRACE(subject.name() + " on " + tables->name);
            if (subject.kernel != Kernel::dense && tables->zero_skip.count == 0) continue;  // dense rows only
            const SearchSpace space(subject, *tables);
            const std::vector<TileSizes> rows = space.all();
            EXPECT_GT(rows.size(), 1U);
            EXPECT_NE(std::find(rows.begin(), rows.end(), space.today()), rows.end());
            for (const TileSizes& row : rows) {
                const Cost cost = cost_of(subject, *tables, row);
                ASSERT_TRUE(fits(cost.budget, *tables)) << to_string(row);
                ASSERT_GT(space.predicted(row), 0) << to_string(row);
            }
        }
    }
}

TEST(SearchSpace, LeavesOutWhatExceedsABudget) {
    const SearchSpace space(subject_of("conv3x3_stride1/fwd/zero_skip/wide"), *tables_of("zen4"));
    EXPECT_TRUE(space.is_valid({32, 4, 14, 400}));
    EXPECT_FALSE(space.is_valid({64, 4, 14, 400}));   // 48 KB of weights
    EXPECT_FALSE(space.is_valid({16, 11, 14, 400}));  // 34 registers
}

TEST(SearchSpace, GoesOnUntilNothingIsLeft) {
    for (const char* name :
         {"conv3x3_stride1/fwd/zero_skip/wide", "conv1x1_stride2/bwd_data/dense",
          "conv5x5_stride1/bwd_data/output_mask", "conv3x3_stride2/bwd_weights/zero_skip",
          "conv7x7_stride2/fwd/dense/planar", "conv7x7_stride2/bwd_weights/dense/planar"}) {
        SCOPED_TRACE(name);
        const SearchSpace space(subject_of(name), *tables_of("avx512"));
        std::set<TileSizes> tried = {space.today()};
        for (auto rows = space.next(space.today(), tried, 4); !rows.empty();
             rows = space.next(space.today(), tried, 4)) {
            EXPECT_LE(rows.size(), 4U);
            for (const TileSizes& row : rows) {
                EXPECT_TRUE(space.is_valid(row)) << to_string(row);
                EXPECT_TRUE(tried.insert(row).second) << to_string(row);
            }
        }
        EXPECT_GT(tried.size(), 4U);
        EXPECT_LT(tried.size(), space.all().size());
    }
}

TEST(CostModel, CountsWhatALoopDoes) {
    const Cost cost =
        cost_of(subject_of("conv3x3_stride1/fwd/zero_skip/wide"), *tables_of("zen4"), {32, 4, 14, 400});
    EXPECT_EQ(cost.budget.registers, 13);
    EXPECT_EQ(cost.budget.l1_bytes, 24576);
    EXPECT_EQ(cost.fmas, 12);
    EXPECT_EQ(cost.loads, 13);
    EXPECT_EQ(cost.turns_per_visit, 32);
    EXPECT_EQ(cost.turn_cycles(machine_of(*tables_of("zen4"))), 13);
    EXPECT_EQ(cost.turn_cycles(machine_of(*tables_of("avx512"))), 6.5);
}

// 14 FMAs of 7 pixels and 2 vectors: through one tap with 2 weights and 7 pixels; through each of three that
// share 9 pixels, with 3 of them.
TEST(CostModel, CountsPixelsThatColumnsShareOnce) {
    const schedules::Tables& tables = *tables_of("avx512");
    EXPECT_EQ(cost_of(subject_of("conv1x1_stride1/fwd/dense"), tables, {7, 2, 280, 8}).loads, 9);
    EXPECT_EQ(cost_of(subject_of("conv3x3_stride1/fwd/dense"), tables, {7, 2, 784, 0}).loads, 5);
    EXPECT_EQ(cost_of(subject_of("conv3x3_stride2/fwd/dense"), tables, {7, 2, 784, 0}).loads, 7);
    EXPECT_EQ(cost_of(subject_of("conv3x3_stride2/bwd_data/dense"), tables, {7, 2, 784, 0}).loads, 6);
    EXPECT_EQ(cost_of(subject_of("conv3x3_stride1/fwd/dense"), tables, {14, 2, 784, 0}).loads, 16);
}

TEST(CostModel, KnowsWhatPlanarTilesWaste) {
    const schedules::Tables& tables = *tables_of("avx512");
    // 21 rows of taps are 11 pairs; 64 output channels are two pairs of vectors.
    const Cost weights =
        cost_of(subject_of("conv7x7_stride2/bwd_weights/dense/planar"), tables, {2, 7, 2, 784});
    EXPECT_EQ(weights.fmas, 28);
    EXPECT_EQ(weights.loads, 16);
    EXPECT_DOUBLE_EQ(weights.useful, 28 * 21 / 22.0);
    const Cost forward = cost_of(subject_of("conv3x3_stride1/fwd/dense/planar"), tables, {7, 2, 3136});
    EXPECT_EQ(forward.fmas, 14);
    EXPECT_EQ(forward.loads, 5);
    EXPECT_EQ(forward.turns_per_visit, 27);
    EXPECT_EQ(forward.useful, 14);
}

TEST(CostModel, SkippingPaysMoreTheMoreZeros) {
    for (const Subject& subject : all_subjects()) {
        if (subject.kernel == Kernel::dense) continue;
        SCOPED_TRACE(subject.name());
        const schedules::Tables& tables = *tables_of("zen4");
        const Cost cost = cost_of(subject, tables, sizes_of_today(subject, tables));
        double last = 10;
        for (const int percent : {0, 30, 50, 80, 90}) {
            const double time = cost.relative_time(machine_of(tables), percent);
            EXPECT_LT(time, last);
            last = time;
        }
        EXPECT_LT(last, 1);  // dense's, at best
    }
}

TEST(Layers, UseTheFirstBlockingThatFits) {
    const Subject wide = subject_of("conv3x3_stride1/fwd/zero_skip/wide"),
                  narrow = subject_of("conv3x3_stride1/fwd/zero_skip/narrow");
    const schedules::Tables& tables = *tables_of("avx512");  // wide: 4 vectors
    const bench::Layer even = bench::parse_layer("mb1ic64oc64ih14kh3ph1"),
                       odd = bench::parse_layer("mb1ic64oc96ih14kh3ph1"),
                       other = bench::parse_layer("mb1ic64oc64ih14kh1");
    EXPECT_TRUE(is_used(wide, even, tables, {}));
    EXPECT_FALSE(is_used(narrow, even, tables, {}));
    EXPECT_TRUE(is_used(narrow, odd, tables, {}));
    EXPECT_FALSE(is_used(wide, other, tables, {}));
    const bench::Layer image = bench::parse_layer("mb1ic15oc64ih14kh3ph1");
    for (const char* pass : {"fwd", "bwd_weights"}) {
        const Subject dense = subject_of(std::string("conv3x3_stride1/") + pass + "/dense"),
                      planar = subject_of(std::string("conv3x3_stride1/") + pass + "/dense/planar");
        EXPECT_TRUE(is_used(planar, image, tables, {}));
        EXPECT_FALSE(is_used(dense, image, tables, {}));
        EXPECT_FALSE(is_used(planar, even, tables, {}));
        EXPECT_TRUE(is_used(dense, even, tables, {}));
    }
    EXPECT_TRUE(is_used(subject_of("conv3x3_stride1/bwd_data/dense"), image, tables, {}));
    EXPECT_FALSE(is_used(narrow, image, tables, {}));
    // With 3 vectors in its row, wide is for 6 blocks, not for 4.
    const Replacements three = {{wide.name(), {32, 3, 14, 400}}};
    EXPECT_TRUE(is_used(wide, odd, tables, three));
    EXPECT_TRUE(is_used(narrow, even, tables, three));
}

}  // namespace
}  // namespace sparsetrain::tune
