// How the `sparsetrain` program ends, what it writes to and what it takes, as a user or a script sees it.
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "short_run.h"

namespace sparsetrain {
namespace {

using nlohmann::json;
using test::Arguments;
using test::expect_contains;
using test::Program;
using test::ShortRun;

class Signals : public ShortRun, public testing::WithParamInterface<std::pair<int, int>> {};
INSTANTIATE_TEST_SUITE_P(Ends, Signals, testing::Values(std::pair(SIGINT, 130), std::pair(SIGTERM, 143)));

TEST_P(Signals, EndTrainingWithTheTableWholeMetricsAndAStatusOfTheirOwn) {
    const auto& [signal, status] = GetParam();
    Program program(arguments({"--steps", "1000000"}));
    ASSERT_TRUE(program.wait_for("step 1/")) << program.output();
    program.send(signal);
    EXPECT_EQ(program.exit_code(), status) << program.output();
    expect_contains(program.output(), "interrupted after ");
    expect_contains(program.output(), "all but the first");
    expect_contains(program.output(), "test accuracy");
    const std::vector<json> all = records();
    EXPECT_EQ(all.back()["interrupted"], true);
    EXPECT_EQ(all.back()["steps"], all.size() - 2);
}

// Beside its data and metrics, the program has a shell to run it.
class Redirected : public ShortRun {
  protected:
    std::string train(const std::string& more) const {
        return "$PROGRAM train --steps 1 --batch 4 --data-dir " + directory_.path().string() + " " + more;
    }
};

TEST_F(Redirected, OutputThatIsFullIsAnError) {
    for (const char* command : {"info", "--help", "--version"}) {
        Program program = Program::in_shell("$PROGRAM " + std::string(command) + " >/dev/full");
        EXPECT_EQ(program.exit_code(), 1) << command;
        expect_contains(program.output(), "sparsetrain: standard output cannot be written: ");
    }
    Program program = Program::in_shell(train(">/dev/full"));
    EXPECT_EQ(program.exit_code(), 1);
    expect_contains(program.output(), "standard output cannot be written");
}

TEST_F(Redirected, ClosedOutputIsAnErrorAndLandsInNoOtherFile) {
    Program program = Program::in_shell(train("--metrics " + metrics_ + " >&-"));
    EXPECT_EQ(program.exit_code(), 1);
    expect_contains(program.output(), "standard output cannot be written");
    EXPECT_FALSE(std::filesystem::exists(metrics_)) << "a run that never began left metrics behind";
    // With stdin and stderr closed as well the first file would be the next of them.
    Program silent = Program::in_shell(train("--metrics " + metrics_ + " <&- 2>&-"));
    EXPECT_EQ(silent.exit_code(), 0);
    EXPECT_EQ(records().size(), 3U);  // header, step and summary, all of them JSON
}

TEST_F(Redirected, ATerminalThatCannotRedrawGetsLines) {
    const std::string run = "TERM=dumb script --quiet --command '" + train("") + "' /dev/null </dev/null";
    Program program = Program::in_shell("export PROGRAM; " + run);
    EXPECT_EQ(program.exit_code(), 0);
    expect_contains(program.output(), "step 1/1  loss ");
    EXPECT_EQ(program.output().find('\033'), std::string::npos) << program.output();
}

TEST_F(ShortRun, ARunThatFailsBeforeItBeginsLeavesEarlierMetrics) {
    Program good(arguments({"--steps", "1"}));
    ASSERT_EQ(good.exit_code(), 0) << good.output();
    const std::vector<json> before = records();
    Program bad(arguments({"--steps", "1", "--data-dir", "/nowhere"}));
    EXPECT_EQ(bad.exit_code(), 1);
    EXPECT_EQ(records(), before);
    Program next(arguments({"--steps", "2"}));
    ASSERT_EQ(next.exit_code(), 0) << next.output();
    EXPECT_EQ(records().size(), 4U) << "a run's metrics replace those of the run before";
}

TEST_F(ShortRun, OneRunAtATimeWritesAMetricsFile) {
    Program first(arguments({"--steps", "1000000"}));
    ASSERT_TRUE(first.wait_for("step 1/")) << first.output();
    Program second(arguments({"--steps", "1"}));
    EXPECT_EQ(second.exit_code(), 1);
    expect_contains(second.output(), "metrics file " + metrics_ + ": another run is writing it");
    first.send(SIGINT);
    EXPECT_EQ(first.exit_code(), 130) << first.output();
    const std::vector<json> all = records();
    EXPECT_EQ(all.back()["steps"], all.size() - 2);
    Program third(arguments({"--steps", "1"}));
    EXPECT_EQ(third.exit_code(), 0) << third.output();
}

TEST_F(ShortRun, MetricsMayGoToAPipe) {
    ASSERT_EQ(mkfifo(metrics_.c_str(), 0600), 0);
    Program reader = Program::in_shell("cat " + metrics_);
    Program program(arguments({"--steps", "1"}));
    EXPECT_EQ(program.exit_code(), 0) << program.output();
    EXPECT_EQ(reader.exit_code(), 0);
    EXPECT_EQ(std::ranges::count(reader.output(), '\n'), 3);
}

TEST_F(ShortRun, EndsWithItsBudgetOfTime) {
    Program program(arguments({"--budget", "1s"}));
    ASSERT_EQ(program.exit_code(), 0) << program.output();
    expect_contains(program.output(), "steps of 4 within 1s");
    expect_contains(program.output(), "step 1  loss ");
    const std::vector<json> all = records();
    EXPECT_EQ(all[0]["budget_seconds"], 1);
    EXPECT_EQ(all.back()["interrupted"], false);
    const double last = 1e-3 * all.at(all.size() - 2)["ms"].get<double>(),
                 seconds = all.back()["training_seconds"];
    EXPECT_GE(seconds, 1);
    EXPECT_LT(seconds - last, 1 + 1e-6) << "the last step began when the time was over";
}

TEST_F(ShortRun, EndsWithTheFirstOfStepsAndBudget) {
    Program program(arguments({"--budget", "1h", "--steps", "2"}));
    ASSERT_EQ(program.exit_code(), 0) << program.output();
    EXPECT_EQ(records().back()["steps"], 2);
}

#ifndef __SANITIZE_ADDRESS__  // which needs more address space than such a limit leaves
TEST_F(Redirected, ABatchThatMemoryDoesNotHoldIsRefused) {
    Program program = Program::in_shell("ulimit -v 2000000; " + train("--batch 4096"));
    EXPECT_EQ(program.exit_code(), 1);
    expect_contains(program.output(), "--batch 4096 takes about ");
    expect_contains(program.output(), " GB that are free");
}
#endif

TEST_F(ShortRun, TakesTheMemoryThatItSays) {
    Program program(arguments({"--batch", "128", "--steps", "1", "--threads", "2"}));
    ASSERT_EQ(program.exit_code(), 0) << program.output();
    const std::string before = "seed 1, ";
    const std::size_t at = program.output().find(before);
    ASSERT_NE(at, std::string::npos) << program.output();
    const double said = 1e9 * std::stod(program.output().substr(at + before.size()));
    EXPECT_GT(program.peak_memory(), said);
#ifndef __SANITIZE_ADDRESS__  // which takes memory of its own
    // The program itself, the images and the kernels' scratch are small.
    EXPECT_LT(program.peak_memory(), 1.1 * said + 64e6);
#endif
}

}  // namespace
}  // namespace sparsetrain
