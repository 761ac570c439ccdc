// What is kept of a tuning, and what is made of it.
#include "tune/journal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

#include "schedules/costs.h"
#include "sparsetrain/error.h"
#include "temporary_directory.h"
#include "tune/findings.h"

namespace sparsetrain::tune {
namespace {

class JournalFile : public testing::Test {
  protected:
    // Two records behind a header.
    void SetUp() override {
        Journal journal(file_, header_, tables_);
        journal.append(winner_);
        journal.append(comparison_);
    }
    void append(const std::string& text) const { std::ofstream(file_, std::ios::app) << text; }
    std::string text() const {
        std::ostringstream text;
        text << std::ifstream(file_).rdbuf();
        return text.str();
    }

    // Both ways to read it name file and line, say `what`, and leave it alone.
    void expect_error(int line, const std::string& what) const {
        const std::string before = text(),
                          where = file_.string() + ":" + std::to_string(line) + ": expected ";
        for (const bool only_reads : {true, false}) {
            try {
                only_reads ? void(Journal::read(file_, tables_)) : void(Journal(file_, header_, tables_));
                ADD_FAILURE() << "took the damaged journal\n" << before;
            } catch (const Error& error) {
                EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
                EXPECT_TRUE(std::string(error.what()).starts_with(where)) << error.what();
                EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
            }
            EXPECT_EQ(text(), before);
        }
    }

    test::TemporaryDirectory directory_;
    const std::filesystem::path file_ = directory_ / "journal.jsonl";
    const schedules::Tables& tables_ = *schedules::tables_of("avx512");
    const Json header_ = Json::parse(R"({"record": "header", "sparsetrain": "1", "cpu": "a",
        "uarch": "avx512", "layers": "mb1ic64ih14oc64oh14kh3ph1n\"a\"\n", "percents": [50]})");
    const Json winner_ = Json::parse(R"({"record": "winner", "subject": "conv3x3_stride1/fwd/zero_skip/wide",
        "sizes": [32, 4, 7, 400], "speed": 1.5, "noise": 0.01})");
    const Json comparison_ =
        Json::parse(R"({"record": "comparison", "kernel": "conv3x3_stride1/fwd/zero_skip",
        "dense": "dense", "contestant": "zero_skip", "speeds": [{"layer": "a", "percent": 50, "speed": 1.2}]})");
};

TEST_F(JournalFile, GoesOn) {
    Journal again(file_, header_, tables_);
    EXPECT_EQ(again.records(), (std::vector<Json>{winner_, comparison_}));
    again.append(winner_);
    EXPECT_EQ(Journal::read(file_, tables_), (std::vector<Json>{winner_, comparison_, winner_}));
}

TEST_F(JournalFile, ForgetsALineThatWasCutOff) {
    append("{\"record\": \"tw");
    EXPECT_EQ(Journal::read(file_, tables_).size(), 2U);
    Journal(file_, header_, tables_).append(winner_);
    EXPECT_EQ(Journal::read(file_, tables_), (std::vector<Json>{winner_, comparison_, winner_}));
}

TEST_F(JournalFile, IsOfOneTuning) {
    Json header = header_;
    header["cpu"] = "b";
    const std::string before = text();
    try {
        const Journal other(file_, header, tables_);
        FAIL() << "took the journal of another CPU";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        EXPECT_NE(std::string(error.what()).find("\"cpu\":\"b\""), std::string::npos) << error.what();
    }
    EXPECT_EQ(text(), before);
}

TEST_F(JournalFile, IsOfTheTablesThatRun) {
    try {
        Journal::read(file_, *schedules::tables_of("zen4"));
        FAIL() << "explained rows of another microarchitecture";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("zen4, which this CPU runs, found \"avx512\""),
                  std::string::npos)
            << error.what();
    }
}

TEST_F(JournalFile, HasOneWriter) {
    const Journal journal(file_, header_, tables_);
    EXPECT_THROW(Journal(file_, header_, tables_), Error);
    EXPECT_EQ(Journal::read(file_, tables_).size(), 2U);
}

// Whichever byte of a line it is, its end and that of the header included.
TEST_F(JournalFile, NamesTheLineOfADamagedByte) {
    const std::string whole = text();
    const std::size_t first = whole.find('\n'), second = whole.find('\n', first + 1);
    for (const std::size_t byte :
         {std::size_t{0}, std::size_t{9}, first, first + 1, first + 4, second - 1, second}) {
        SCOPED_TRACE(byte);
        std::string damaged = whole;
        damaged[byte] = '\x80';
        std::ofstream(file_) << damaged;
        expect_error(byte <= first ? 1 : 2, "");
    }
}

TEST_F(JournalFile, OfNoRecordsNamesTheLine) {
    append("{}\n");
    expect_error(4, "the member record");
}

TEST_F(JournalFile, CannotTakeWhatItCouldNotReadAgain) {
    Json winner = winner_;
    winner["speed"] = std::numeric_limits<double>::quiet_NaN();
    Journal journal(file_, header_, tables_);
    EXPECT_THROW(journal.append(winner), Error);
    EXPECT_EQ(Journal::read(file_, tables_).size(), 2U);
}

TEST_F(JournalFile, ThatIsNoneIsRefused) {
    EXPECT_THROW(Journal::read(directory_.path(), tables_), Error);
    EXPECT_THROW(Journal(directory_.path(), header_, tables_), Error);
    const std::filesystem::path pipe = directory_ / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0666), 0);
    EXPECT_THROW(Journal::read(pipe, tables_), Error);
    EXPECT_THROW(Journal(pipe, header_, tables_), Error);
    EXPECT_TRUE(Journal::read(directory_ / "nowhere" / "journal.jsonl", tables_).empty());
}

struct Damage {
    const char *name, *record, *found;
};
class DamagedRecord : public JournalFile, public testing::WithParamInterface<Damage> {};

TEST_P(DamagedRecord, IsAnErrorThatSaysWhatIsWrong) {
    append(std::string(GetParam().record) + "\n");
    expect_error(4, GetParam().found);
}

#define SUBJECT R"("subject": "conv3x3_stride1/fwd/zero_skip/wide")"
#define MEASURED R"({"record": "measurement", "job": "x", "event": "measured", "contestant": "c")"

INSTANTIATE_TEST_SUITE_P(
    Journal, DamagedRecord,
    testing::Values(
        Damage{"list", "[1, 2]", "the member record, found [1,2]"},
        Damage{"number_as_record", R"({"record": 3})", "record to be a text, found 3"},
        Damage{"unknown_record", R"({"record": "trail"})",
               "a trial, winner, comparison or measurement, found \"trail\""},
        Damage{"second_header", R"({"record": "header"})", "found \"header\""},
        Damage{"missing_member",
               R"({"record": "winner", )" SUBJECT R"(, "sizes": [32, 4, 7, 400], "speed": 2})",
               "the members record, subject, sizes, speed, noise"},
        Damage{
            "unknown_subject",
            R"({"record": "winner", "subject": "conv3x3_stride1/fwd/zero_ski/wide", "sizes": [1], "speed": 2, "noise": 0})",
            "a row of this program"},
        Damage{"speed_is_null",
               R"({"record": "winner", )" SUBJECT R"(, "sizes": [32, 4, 7, 400], "speed": null, "noise": 0})",
               "speed to be a number, found null"},
        Damage{"speed_is_text",
               R"({"record": "winner", )" SUBJECT R"(, "sizes": [32, 4, 7, 400], "speed": "2", "noise": 0})",
               "speed to be a number, found \"2\""},
        Damage{"speed_overflows",
               R"({"record": "winner", )" SUBJECT
               R"(, "sizes": [32, 4, 7, 400], "speed": 1e999, "noise": 0})",
               "a record in JSON"},
        Damage{"slow_winner",
               R"({"record": "winner", )" SUBJECT R"(, "sizes": [32, 4, 7, 400], "speed": 0.9, "noise": 0})",
               "speed above 1.0, found 0.9"},
        Damage{"negative_noise",
               R"({"record": "winner", )" SUBJECT R"(, "sizes": [32, 4, 7, 400], "speed": 2, "noise": -1})",
               "noise of at least 0"},
        Damage{"too_few_sizes",
               R"({"record": "winner", )" SUBJECT R"(, "sizes": [32, 4, 7], "speed": 2, "noise": 0})",
               "3 sizes, expected 4"},
        Damage{"fractional_size",
               R"({"record": "winner", )" SUBJECT R"(, "sizes": [32, 4.5, 7, 400], "speed": 2, "noise": 0})",
               "sizes of tiles, found [32,4.5,7,400]"},
        Damage{"negative_size",
               R"({"record": "winner", )" SUBJECT R"(, "sizes": [32, 4, -7, 400], "speed": 2, "noise": 0})",
               "sizes of tiles"},
        Damage{"huge_size",
               R"({"record": "winner", )" SUBJECT
               R"(, "sizes": [32, 4, 7, 18446744073709551615], "speed": 2, "noise": 0})",
               "sizes of tiles"},
        Damage{"size_zero",
               R"({"record": "winner", )" SUBJECT R"(, "sizes": [32, 4, 0, 400], "speed": 2, "noise": 0})",
               "rows is 0, expected 1 to 65536"},
        Damage{"registers",
               R"({"record": "trial", )" SUBJECT
               R"(, "sizes": [16, 11, 7, 400], "speed": 1, "noise": 0, "failure": ""})",
               "34 registers, expected up to 32"},
        Damage{"l1",
               R"({"record": "trial", )" SUBJECT
               R"(, "sizes": [64, 4, 7, 400], "speed": 1, "noise": 0, "failure": ""})",
               "49152 bytes of L1, expected up to 36864"},
        Damage{"trial_without_speed",
               R"({"record": "trial", )" SUBJECT
               R"(, "sizes": [32, 4, 7, 400], "speed": 0, "noise": 0, "failure": ""})",
               "speed above 0.0"},
        Damage{"unknown_kernel",
               R"({"record": "comparison", "kernel": "k", "dense": "d", "contestant": "c", "speeds": [1]})",
               "a kernel of this program"},
        Damage{
            "no_speeds",
            R"({"record": "comparison", "kernel": "conv3x3_stride1/fwd/zero_skip", "dense": "d", "contestant": "c", "speeds": []})",
            "speeds to be a list"},
        Damage{"unknown_layer",
               MEASURED R"(, "layer": "b", "percent": 50, "speeds": [1], "ms": 1, "baseline_ms": 1})",
               "a layer of the header, found \"b\""},
        Damage{"percent",
               MEASURED R"(, "layer": "a", "percent": 500, "speeds": [1], "ms": 1, "baseline_ms": 1})",
               "a percentage from 0 to 99, found 500"},
        Damage{"time",
               MEASURED R"(, "layer": "a", "percent": 50, "speeds": [1], "ms": null, "baseline_ms": 1})",
               "ms to be a number, found null"},
        Damage{"unknown_event", R"({"record": "measurement", "event": "begin"})",
               "the event mistake, out or measured"}),
    [](const auto& tested) { return std::string(tested.param.name); });

class Results : public testing::Test {
  protected:
    static Subject subject_of(const std::string& name) {
        for (const Subject& subject : all_subjects())
            if (subject.name() == name) return subject;
        ADD_FAILURE() << "no subject " << name;
        return {};
    }
    // Of a layer of 64 channels with such a cost.
    static DenseComparison comparison(const std::string& kernel, const std::string& layer,
                                      const schedules::Cost& cost) {
        DenseComparison result = {"dense", kernel, {}};
        for (const int percent : {0, 50, 90}) result.speeds[layer][percent] = 1 / cost.at(64, percent);
        return result;
    }
    static void expect_near(const schedules::Cost& found, const schedules::Cost& expected) {
        EXPECT_NEAR(found.fixed, expected.fixed, 1e-6);
        EXPECT_NEAR(found.few, expected.few, 1e-6);
        EXPECT_NEAR(found.work, expected.work, 1e-6);
    }
    // The lines that have all of these words.
    static std::vector<std::string> lines_with(const std::string& text,
                                               const std::vector<std::string>& words) {
        std::vector<std::string> found;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);)
            if (std::ranges::all_of(words,
                                    [&](const std::string& word) { return line.find(word) != line.npos; }))
                found.push_back(line);
        return found;
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

TEST_F(Results, CostsAreOfTheBlockingThatALayerUses) {
    const bench::Layer even = bench::parse_layer("mb1ic64oc64ih14kh3ph1n\"even\""),
                       odd = bench::parse_layer("mb1ic64oc96ih14kh3ph1n\"odd\"");
    DenseComparison both = comparison("zero_skip", "even", {0.2, 0, 1});
    both.speeds.merge(comparison("zero_skip", "odd", {0.4, 0, 1.5}).speeds);
    Findings findings({});
    findings.add(comparison_record("conv3x3_stride1/fwd/zero_skip", both));
    const TunedRows rows = tuned_rows(findings, all_subjects(), {even, odd}, tables_);
    ASSERT_EQ(rows.size(), 2U);
    expect_near(rows.at(wide_.name()).cost.value(), {0.2, 0, 1});
    expect_near(rows.at("conv3x3_stride1/fwd/zero_skip/narrow").cost.value(), {0.4, 0, 1.5});
    EXPECT_FALSE(rows.at(wide_.name()).sizes);
}

TEST_F(Results, NarrowImagesHaveACostOfTheirOwn) {
    const bench::Layer large = bench::parse_layer("mb2ic64oc64ih14kh3ph1n\"large\""),
                       small = bench::parse_layer("mb2ic64oc64ih7kh3ph1n\"small\"");
    DenseComparison both = comparison("zero_skip", "large", {0.3, 0, 1.1});
    both.speeds.merge(comparison("zero_skip", "small", {0.1, 0, 0.9}).speeds);
    Findings findings({});
    findings.add(comparison_record("conv3x3_stride1/bwd_weights/zero_skip", both));
    const std::string name = "conv3x3_stride1/bwd_weights/zero_skip";
    const TunedRow row = tuned_rows(findings, all_subjects(), {large, small}, tables_).at(name);
    expect_near(row.cost.value(), {0.3, 0, 1.1});
    expect_near(row.narrow_cost.value(), {0.1, 0, 0.9});
    const TunedRow small_alone = tuned_rows(findings, all_subjects(), {small}, tables_).at(name);
    EXPECT_FALSE(small_alone.cost);
    expect_near(small_alone.narrow_cost.value(), {0.1, 0, 0.9});
}

TEST_F(Results, ATableHasAllRowsAndChangesSome) {
    const TunedRows rows = {{wide_.name(), {TileSizes{16, 2, 7, 100}, "x", {}, {}}}};
    const std::string text = schedule_header(tables_, rows, "Written\nby a test.\n");
    EXPECT_TRUE(text.starts_with("// Written\n// by a test.\n#pragma once\n"));
    const std::string tables = text.substr(0, text.find(kCostsBegin));
    EXPECT_EQ(lines_with(tables, {"    {\"conv"}).size(),
              static_cast<std::size_t>(tables_.dense.count + tables_.dense_weights.count +
                                       tables_.dense_planar.count + tables_.dense_planar_weights.count +
                                       tables_.zero_skip.count + tables_.output_mask.count +
                                       tables_.zero_skip_weights.count));
    EXPECT_EQ(
        lines_with(tables, {"\"conv3x3_stride1\", \"fwd\"", "\"wide\""}),
        (std::vector<std::string>{
            R"(    {"conv3x3_stride1", "fwd",      "wide",   kAnyChannels, 16,   2,        7,   100},  // x)"}));
    EXPECT_EQ(lines_with(text, {"},  // "}).size(), 1U);
}

TEST_F(Results, ATableOfDenseRowsHasNoCosts) {
    const std::string text = schedule_header(*schedules::tables_of("baseline"), {}, "x\n");
    EXPECT_EQ(lines_with(text, {"Table<ZeroSkipRow> kZeroSkip;"}).size(), 1U);
    EXPECT_EQ(lines_with(text, {"Table<CostRow> kCosts;"}).size(), 1U);
}

// Those of the tables avx512, one measured, and one that they do not have.
TEST_F(Results, ATableHasAllCostsAndThoseMeasured) {
    const schedules::Cost cost = {0.12345, 1e-9, 1.5};
    const TunedRows rows = {
        {wide_.name(), {{}, "", cost, {}}},
        {"conv3x3_stride1/bwd_weights/zero_skip", {{}, "", {}, schedules::Cost{0, 0, 12.0 / 13}}},
        {"conv9x9_stride1/fwd/zero_skip/wide", {{}, "", cost, {}}}};
    const std::string text = schedule_header(tables_, rows, "x\n");
    const std::size_t begin = text.find(std::string("\n") + kCostsBegin + "\n");
    ASSERT_NE(begin, std::string::npos);
    const std::string tables = text.substr(0, begin), costs = text.substr(begin);
    EXPECT_EQ(tables.find("measured"), std::string::npos);
    EXPECT_EQ(costs.find("#pragma once"), std::string::npos);
    EXPECT_EQ(lines_with(costs, {"    {\"conv"}).size(), std::size(schedules::avx512::kCosts) + 1);
    EXPECT_EQ(
        lines_with(costs, {"  // cost measured"}),
        (std::vector<std::string>{
            R"(    {"conv3x3_stride1", "fwd",         "zero_skip",   "wide",          {0.123, 0,      1.5}},  // cost measured)",
            R"(    {"conv3x3_stride1", "bwd_weights", "zero_skip",   "narrow images", {0,     0,      0.923}},  // cost measured)",
            R"(    {"conv9x9_stride1", "fwd",         "zero_skip",   "wide",          {0.123, 0,      1.5}},  // cost measured)"}));
    // The others are as they were.
    EXPECT_EQ(lines_with(costs, {"conv1x1_stride2", "bwd_data", "narrow", "{0.18,  0.298,  1.49}},"}).size(),
              1U);
}

}  // namespace
}  // namespace sparsetrain::tune
