#include "tune/process.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "sparsetrain/error.h"
#include "temporary_directory.h"

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
