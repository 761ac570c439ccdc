// Where a tuning may write its result, and what becomes of what was there.
#include "tune/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>
#include <sstream>

#include "sparsetrain/error.h"
#include "temporary_directory.h"

namespace sparsetrain::tune {
namespace {

namespace fs = std::filesystem;

class Output : public testing::Test {
  protected:
    static void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }
    static std::string text_of(const fs::path& file) {
        std::ostringstream text;
        text << std::ifstream(file).rdbuf();
        return text.str();
    }
    static void check(const fs::path& out) { check_output(out, out.string() + ".work"); }

    std::set<std::string> names() const {
        std::set<std::string> names;
        for (const auto& entry : fs::recursive_directory_iterator(directory_.path()))
            names.insert(entry.path().lexically_relative(directory_.path()).string());
        return names;
    }

    void expect_refused(const fs::path& out, const std::string& found) const {
        SCOPED_TRACE(out);
        const auto before = names();
        for (const bool replaces : {false, true}) {
            try {
                replaces ? replace_file(out, "text") : check(out);
                ADD_FAILURE() << "accepted";
            } catch (const Error& error) {
                EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
                EXPECT_NE(std::string(error.what()).find(out.string()), std::string::npos) << error.what();
                EXPECT_NE(std::string(error.what()).find(found), std::string::npos) << error.what();
            }
        }
        EXPECT_EQ(names(), before);
    }

    test::TemporaryDirectory directory_;
    const fs::path out_ = directory_ / "a.inc", work_ = directory_ / "a.inc.work";
};

TEST_F(Output, MayBeNewOrEmptyOrHaveAJournal) {
    check(out_);
    EXPECT_TRUE(names().empty());
    write(out_, "");
    check(out_);
    write(out_, "rows");
    fs::create_directory(work_);
    write(journal_in(work_), "");
    check(out_);
    EXPECT_EQ(names(), (std::set<std::string>{"a.inc", "a.inc.work", "a.inc.work/journal.jsonl"}));
    EXPECT_EQ(text_of(out_), "rows");
}

TEST_F(Output, IsReplacedAtOnce) {
    replace_file(out_, "one");
    EXPECT_EQ(text_of(out_), "one");
    const mode_t hidden = umask(0);
    umask(hidden);
    EXPECT_EQ(static_cast<mode_t>(fs::status(out_).permissions()), 0666 & ~hidden);
    std::ifstream reader(out_);
    replace_file(out_, "two");
    EXPECT_EQ(text_of(out_), "two");
    std::string old;
    reader >> old;
    EXPECT_EQ(old, "one");
    EXPECT_EQ(names(), (std::set<std::string>{"a.inc"}));
}

TEST_F(Output, IsNoLink) {
    write(directory_ / "to", "kept");
    fs::create_symlink(directory_ / "to", directory_ / "link");
    fs::create_symlink(directory_ / "nowhere", directory_ / "dangling");
    expect_refused(directory_ / "link", "found a link");
    expect_refused(directory_ / "dangling", "found a link");
    EXPECT_EQ(text_of(directory_ / "to"), "kept");
}

TEST_F(Output, IsNoFolderOrDevice) {
    fs::create_directory(out_);
    expect_refused(out_, "found a folder");
    expect_refused("/dev/null", "found a device");
    EXPECT_TRUE(fs::is_character_file("/dev/null"));
    const fs::path pipe = directory_ / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0666), 0);
    expect_refused(pipe, "a pipe");
}

TEST_F(Output, IsInAFolderThatCanBeWritten) {
    expect_refused(directory_ / "none" / "a.inc", "a folder that exists");
    expect_refused("/proc/a.inc", "a file that can be written");  // even by root
    expect_refused(directory_ / std::string(255, 'a'),
                   "a file that can be written, found File name too long");
}

TEST_F(Output, HasAName) {
    EXPECT_THROW(check(""), Error);
    EXPECT_THROW(check(directory_ / "none/"), Error);
    EXPECT_TRUE(names().empty());
}

TEST_F(Output, NeedsAFolderForAllElse) {
    write(work_, "");
    EXPECT_THROW(check(out_), Error);
    fs::remove(work_);
    fs::create_symlink(directory_ / "nowhere", work_);
    EXPECT_THROW(check(out_), Error);
    EXPECT_EQ(names(), (std::set<std::string>{"a.inc.work"}));
}

// Who removed the journal wants to keep the table, and another's file is none of ours.
TEST_F(Output, IsNotReplacedWithoutItsJournal) {
    write(out_, "rows");
    EXPECT_THROW(check(out_), Error);
    fs::create_directory(work_);
    EXPECT_THROW(check(out_), Error);
    EXPECT_EQ(text_of(out_), "rows");
}

}  // namespace
}  // namespace sparsetrain::tune
