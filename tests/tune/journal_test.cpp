// What is kept of a tuning, and what is made of it.
#include "tune/journal.h"

#include <gtest/gtest.h>

#include <sstream>

#include "sparsetrain/error.h"
#include "temporary_directory.h"
#include "tune/findings.h"

namespace sparsetrain::tune {
namespace {

class JournalFile : public testing::Test {
  protected:
    void append(const std::string& text) const { std::ofstream(file_, std::ios::app) << text; }

    test::TemporaryDirectory directory_;
    const std::filesystem::path file_ = directory_ / "journal.jsonl";
    const Json header_ = {{"record", "header"}, {"cpu", "a"}};
};

TEST_F(JournalFile, GoesOn) {
    Journal(file_, header_).append({{"record", "one"}});
    Journal again(file_, header_);
    ASSERT_EQ(again.records().size(), 1U);
    EXPECT_EQ(again.records()[0].at("record"), "one");
    again.append({{"record", "two"}});
    EXPECT_EQ(Journal::read(file_).size(), 2U);
}

TEST_F(JournalFile, ForgetsALineThatWasCutOff) {
    Journal(file_, header_).append({{"record", "one"}});
    append("{\"record\": \"tw");
    Journal(file_, header_).append({{"record", "three"}});
    const std::vector<Json> records = Journal::read(file_);
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[1].at("record"), "three");
}

TEST_F(JournalFile, IsOfOneTuning) {
    Journal(file_, header_);
    try {
        Journal other(file_, {{"record", "header"}, {"cpu", "b"}});
        FAIL() << "took the journal of another CPU";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        EXPECT_NE(std::string(error.what()).find("\"cpu\":\"b\""), std::string::npos) << error.what();
    }
}

TEST(Journal, OfNoFileIsEmpty) {
    EXPECT_TRUE(Journal::read("/nowhere/journal.jsonl").empty());
}

class Results : public testing::Test {
  protected:
    static Subject subject_of(const std::string& name) {
        for (const Subject& subject : all_subjects())
            if (subject.name() == name) return subject;
        ADD_FAILURE() << "no subject " << name;
        return {};
    }
    static DenseComparison comparison(const std::string& kernel, const std::string& layer, double crossing) {
        return {"dense", kernel, {{layer, {{0, 1 - crossing / 100}, {100, 2 - crossing / 100}}}}};
    }

    const schedules::Tables& tables_ = *schedules::tables_of("avx512");
    const Subject wide_ = subject_of("conv3x3_stride1/fwd/zero_skip/wide");
};

TEST_F(Results, AreWhatRecordsSay) {
    Findings findings({});
    findings.add(trial_record(wide_, {32, 3, 14, 400}, {{0.9, 0.01}, ""}));
    findings.add(trial_record(wide_, {64, 3, 14, 400}, {{0, 0}, "crashed"}));
    findings.add(winner_record(wide_, {32, 4, 7, 400}, {1.1, 0.02}));
    EXPECT_EQ(findings.trials.at(wide_.name()).size(), 2U);
    EXPECT_EQ(findings.trials.at(wide_.name()).at({64, 3, 14, 400}).failure, "crashed");
    EXPECT_EQ(findings.winning_sizes().at(wide_.name()), (TileSizes{32, 4, 7, 400}));
    const std::string table = summary(findings, {wide_}, tables_);
    EXPECT_NE(table.find("| 32,4,14,400 | 32,4,7,400 | 1.100x +- 2.0 % | 2 |"), std::string::npos) << table;
    EXPECT_NE(table.find("geometric mean of the 1 rows with others tried | | | 1.100x"), std::string::npos);
}

TEST_F(Results, CrossoversAreOfTheBlockingThatALayerUses) {
    const bench::Layer even = bench::parse_layer("mb1ic64oc64ih14kh3ph1n\"even\""),
                       odd = bench::parse_layer("mb1ic64oc96ih14kh3ph1n\"odd\"");
    DenseComparison both = comparison("zero_skip", "even", 20);
    both.speeds.merge(comparison("zero_skip", "odd", 40).speeds);
    Findings findings({});
    findings.add(comparison_record("conv3x3_stride1/fwd/zero_skip", both));
    const TunedRows rows = tuned_rows(findings, all_subjects(), {even, odd}, tables_);
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows.at(wide_.name()).crossover->deep, 20);
    EXPECT_EQ(rows.at("conv3x3_stride1/fwd/zero_skip/narrow").crossover->deep, 40);
}

TEST_F(Results, NarrowImagesHaveACrossoverOfTheirOwn) {
    const bench::Layer large = bench::parse_layer("mb2ic64oc64ih14kh3ph1n\"large\""),
                       small = bench::parse_layer("mb2ic64oc64ih7kh3ph1n\"small\"");
    DenseComparison both = comparison("zero_skip", "large", 30);
    both.speeds.merge(comparison("zero_skip", "small", 10).speeds);
    Findings findings({});
    findings.add(comparison_record("conv3x3_stride1/bwd_weights/zero_skip", both));
    const TunedRow row = tuned_rows(findings, all_subjects(), {large, small}, tables_)
                             .at("conv3x3_stride1/bwd_weights/zero_skip");
    EXPECT_EQ(row.crossover->deep, 30);
    EXPECT_EQ(row.narrow_crossover, 10);
}

TEST_F(Results, ATableHasAllRowsAndChangesSome) {
    const TunedRows rows = {
        {wide_.name(), {TileSizes{16, 2, 7, 100}, schedules::Crossover{12.5, 3}, {}, "x"}}};
    const std::string text = schedule_header(tables_, rows, "Written\nby a test.\n");
    EXPECT_TRUE(text.starts_with("// Written\n// by a test.\n#pragma once\n"));
    std::istringstream lines(text);
    int count = 0, changed = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("    {\"conv")) ++count;
        if (line.find("\"wide\"") == std::string::npos ||
            line.find("\"conv3x3_stride1\", \"fwd\"") == std::string::npos)
            continue;
        ++changed;
        EXPECT_EQ(
            line,
            "    {\"conv3x3_stride1\", \"fwd\",      \"wide\",   kAnyChannels, 16,   2,        7,   100,  "
            " {12.5, 3}},  // x");
    }
    EXPECT_EQ(changed, 1);
    EXPECT_EQ(count, tables_.dense.count + tables_.dense_weights.count + tables_.scatter.count +
                         tables_.output_mask.count + tables_.pixel_scan.count);
}

}  // namespace
}  // namespace sparsetrain::tune
