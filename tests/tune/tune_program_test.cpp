// `sparsetrain tune` as its user sees it, with a cmake of the test in place of one that builds for minutes.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "program.h"
#include "temporary_directory.h"
#include "traces.h"

namespace sparsetrain::test {
namespace {

namespace fs = std::filesystem;

class Tune : public testing::Test {
  protected:
    // `version` is that of cmake, which, where it is asked to build, says so by a file and begins what a
    // build begins: commands with process groups of their own.
    explicit Tune(const std::string& version = "9.0.0") {
        fs::create_directory(directory_ / "bin");
        write_script("cmake", "[ \"$1\" = --version ] && echo cmake version " + version +
                                  " && exit\n"
                                  "setsid sleep 600 &\ntouch '" +
                                  building_.string() + "'\nsleep 600\n");
        write_script("ninja", "echo 1.11\n");
        setenv("PATH", ((directory_ / "bin").string() + ":" + path_).c_str(), 1);
    }
    ~Tune() override { setenv("PATH", path_.c_str(), 1); }

    void write_script(const std::string& name, const std::string& text) const {
        const fs::path script = directory_ / "bin" / name;
        std::ofstream(script) << "#!/bin/sh\n" << text;
        fs::permissions(script, fs::perms::owner_all);
    }

    // Whoever begins though it should not has its budget spent soon.
    static std::vector<std::string> arguments(const fs::path& out) {
        return {"tune",    "--class", "conv3x3_stride1", "--pass", "fwd",   "--kernel",  "zero_skip",
                "--layer", "vgg3_2",  "--budget",        "30s",    "--out", out.string()};
    }

    // Whether a build began, after a while.
    bool is_building() const {
        for (int looks = 0; looks < 3000 && !fs::exists(building_); ++looks)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return fs::exists(building_);
    }

    static std::string text_of(const fs::path& file) {
        std::ostringstream text;
        text << std::ifstream(file).rdbuf();
        return text.str();
    }
    std::set<std::string> names() const {
        std::set<std::string> names;
        for (const auto& entry : fs::directory_iterator(directory_.path()))
            names.insert(entry.path().filename().string());
        return names;
    }

    TemporaryDirectory directory_;
    const fs::path out_ = directory_ / "a.inc", building_ = directory_ / "building";
    const std::string path_ = getenv("PATH");
};

TEST_F(Tune, InterruptedEndsItsBuildsAndHasATable) {
    Traces traces;
    Program program(arguments(out_));
    ASSERT_TRUE(is_building());
    program.send(SIGINT);
    EXPECT_TRUE(program.wait_for("interrupted")) << program.output();
    EXPECT_EQ(program.exit_code(), 130);
    EXPECT_TRUE(traces.are_gone());
    EXPECT_NE(text_of(out_).find("kTables"), std::string::npos);
}

TEST_F(Tune, KilledEndsItsBuilds) {
    Traces traces;
    {
        const Program program(arguments(out_));
        ASSERT_TRUE(is_building());
    }  // by SIGKILL
    EXPECT_TRUE(traces.are_gone());
}

TEST_F(Tune, GoesOnOnlyWithASoundJournal) {
    {
        Program program(arguments(out_));
        ASSERT_TRUE(is_building());
        program.send(SIGTERM);
        EXPECT_EQ(program.exit_code(), 143);
    }
    std::ofstream(out_.string() + ".work/journal.jsonl", std::ios::app) << "{\"record\": \"winn\x80r\"}\n";
    const std::string table = text_of(out_);
    std::vector<std::string> words = arguments(out_), explaining = words;
    explaining.push_back("--explain");
    for (const auto& given : {words, explaining}) {
        Program program(given);
        EXPECT_EQ(program.exit_code(), 1);
        EXPECT_NE(program.output().find("a.inc.work/journal.jsonl:2: expected"), std::string::npos)
            << program.output();
        EXPECT_EQ(text_of(out_), table);
    }
}

TEST_F(Tune, RefusesAnOutputBeforeItBegins) {
    fs::create_directory(directory_ / "folder");
    std::ofstream(directory_ / "to") << "kept";
    fs::create_symlink(directory_ / "to", directory_ / "link");
    const auto before = names();
    for (const fs::path& out : {fs::path("/dev/null"), directory_ / "folder", directory_ / "link",
                                directory_ / "to", directory_ / "none" / "a.inc", fs::path("/proc/a.inc")}) {
        SCOPED_TRACE(out);
        Program program(arguments(out));
        EXPECT_EQ(program.exit_code(), 1);
        EXPECT_NE(program.output().find(out.string() + ": expected"), std::string::npos) << program.output();
        EXPECT_FALSE(fs::exists(out.string() + ".work"));
        EXPECT_EQ(names(), before);
    }
    EXPECT_EQ(text_of(directory_ / "to"), "kept");
}

class TuneWithOldCMake : public Tune {
  protected:
    TuneWithOldCMake() : Tune("3.25.1") {}
};

TEST_F(TuneWithOldCMake, NamesItsVersionAndTheOneNeeded) {
    const auto before = names();
    Program program(arguments(out_));
    EXPECT_EQ(program.exit_code(), 1);
    EXPECT_NE(program.output().find("expected CMake 3.28 or newer in PATH, found cmake version 3.25.1"),
              std::string::npos)
        << program.output();
    EXPECT_EQ(names(), before);
}

}  // namespace
}  // namespace sparsetrain::test
