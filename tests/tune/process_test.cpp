#include "tune/process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>

#include "sparsetrain/error.h"
#include "temporary_directory.h"
#include "traces.h"

namespace sparsetrain::tune {
namespace {

class Programs : public testing::Test {
  protected:
    bool run(const std::string& script, bool stop_at_first_line = false) {
        return run_program(
            {"sh", "-c", script}, directory_ / "log.txt",
            [this](const std::string& line) { lines_.push_back(line); },
            [&] { return stop_at_first_line && !lines_.empty(); });
    }

    test::TemporaryDirectory directory_;
    std::vector<std::string> lines_;
};

TEST_F(Programs, HandOnLinesAndSucceed) {
    EXPECT_TRUE(run("echo one; echo two; echo three >&2"));
    EXPECT_EQ(lines_, (std::vector<std::string>{"one", "two"}));
    std::string logged;
    std::getline(std::ifstream(directory_ / "log.txt"), logged);
    EXPECT_EQ(logged, "three");
}

TEST_F(Programs, Fail) {
    EXPECT_FALSE(run("exit 3"));
    EXPECT_FALSE(run("kill -SEGV $$"));
}

TEST_F(Programs, AreStoppedWithWhatTheyStarted) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(run("echo one; sleep 600 & wait", true));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(5));
}

TEST_F(Programs, HaveNothingToRead) {
    EXPECT_TRUE(run("read line; echo got $line"));
    EXPECT_EQ(lines_, (std::vector<std::string>{"got"}));
}

// As a compiler's cache server may.
TEST_F(Programs, EndThoughWhatTheyStartedKeepsTheirOutput) {
    EXPECT_TRUE(run("echo one; sleep 20 &"));
    EXPECT_EQ(lines_, (std::vector<std::string>{"one"}));
}

// A build's tree: commands have groups or sessions of their own, some are deaf, and some are orphans.
const char* const kTree =
    "setsid sh -c 'sleep 600; true' & setsid sh -c 'trap \"\" TERM; sleep 600; true' & "
    "(setsid sleep 600 &) ; echo started; wait";

TEST_F(Programs, EndWithAllThatTheyStarted) {
    test::Traces traces;
    EXPECT_FALSE(run(kTree, true));
    EXPECT_TRUE(traces.are_gone());
}

TEST_F(Programs, ThatFailLeaveNothingRunning) {
    test::Traces traces;
    EXPECT_FALSE(run("setsid sleep 600 & kill -KILL $$"));
    EXPECT_TRUE(traces.are_gone());
}

TEST_F(Programs, EndIfTheirLinesAreNotUnderstood) {
    test::Traces traces;
    EXPECT_THROW(run_program(
                     {"sh", "-c", kTree}, directory_ / "log.txt",
                     [](const std::string&) { throw std::runtime_error("no"); }, [] { return false; }),
                 std::runtime_error);
    EXPECT_TRUE(traces.are_gone());
}

class KilledTuner : public Programs, public testing::WithParamInterface<int> {};

TEST_P(KilledTuner, TakesItsProgramsAlong) {
    test::Traces traces;
    const pid_t tuner = fork();
    if (tuner == 0) {
        std::signal(GetParam(), SIG_DFL);  // nohup ignores one
        run_program(
            {"sh", "-c", kTree}, directory_ / "log.txt",
            [&](const std::string&) { kill(getpid(), GetParam()); }, [] { return false; });
        _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(tuner, &status, 0), tuner);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), GetParam());
    EXPECT_TRUE(traces.are_gone());
}

INSTANTIATE_TEST_SUITE_P(Signals, KilledTuner, testing::Values(SIGKILL, SIGTERM, SIGHUP),
                         [](const auto& tested) { return std::string(sigabbrev_np(tested.param)); });

TEST_F(Programs, AreNamedIfTheyAreMissing) {
    try {
        run_program(
            {"no-such-program"}, directory_ / "log.txt", [](const std::string&) {}, [] { return false; });
        FAIL() << "ran a program that does not exist";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("no-such-program"), std::string::npos);
    }
}

}  // namespace
}  // namespace sparsetrain::tune
