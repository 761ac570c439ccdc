#include "train/replaced_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "safetensors_bytes.h"
#include "temporary_directory.h"

namespace sparsetrain::train {
namespace {

namespace fs = std::filesystem;
using test::bytes_of;
using test::expect_message;

class Replaced : public testing::Test {
  protected:
    static void write(const fs::path& path, const std::string& text) {
        ReplacedFile file(path);
        file.write(std::as_bytes(std::span(text)));
        file.commit();
    }
    static std::string error_of_writing(const fs::path& path) {
        return test::error_of([&path] { write(path, "new"); });
    }
    int files() const {
        return static_cast<int>(std::distance(fs::directory_iterator(directory_.path()), {}));
    }

    const test::TemporaryDirectory directory_;
    const fs::path path_ = directory_ / "file";
};

TEST_F(Replaced, OldStaysUntilCommit) {
    test::write_bytes(path_, "old");
    {
        ReplacedFile file(path_);
        file.write(std::as_bytes(std::span("new")).first(3));
        EXPECT_EQ(bytes_of(path_), "old");
        EXPECT_EQ(files(), 2);
        file.commit();
        EXPECT_EQ(bytes_of(path_), "new");
    }
    EXPECT_EQ(bytes_of(path_), "new");
    EXPECT_EQ(files(), 1);
}

TEST_F(Replaced, WithoutCommitNothingHappened) {
    { ReplacedFile(path_).write(std::as_bytes(std::span("new"))); }
    EXPECT_EQ(files(), 0);
    test::write_bytes(path_, "old");
    { ReplacedFile(path_).write(std::as_bytes(std::span("new"))); }
    EXPECT_EQ(bytes_of(path_), "old");
    EXPECT_EQ(files(), 1);
}

TEST_F(Replaced, TwoAtATimeDoNotMix) {
    ReplacedFile first(path_), second(path_);
    first.write(std::as_bytes(std::span("1")).first(1));
    second.write(std::as_bytes(std::span("2")).first(1));
    first.commit();
    EXPECT_EQ(bytes_of(path_), "1");
    second.commit();
    EXPECT_EQ(bytes_of(path_), "2");
    EXPECT_EQ(files(), 1);
}

// As a full disk does, a limit on the size of files stops the writing in the middle.
TEST_F(Replaced, FullDiskLeavesTheOld) {
    test::write_bytes(path_, "old");
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit tight{1000, before.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    const std::string message = test::error_of([this] { write(path_, std::string(1500, 'x')); });
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    expect_message(message, path_, "cannot be written: File too large");
    EXPECT_EQ(bytes_of(path_), "old");
    EXPECT_EQ(files(), 1);
}

TEST_F(Replaced, DirectoriesThatTakeNoFileAreErrors) {
    expect_message(error_of_writing(directory_ / "none" / "file"), directory_ / "none" / "file",
                   "cannot be written: No such file or directory");
    test::write_bytes(path_, "old");
    expect_message(error_of_writing(path_ / "file"), path_ / "file", "cannot be written: Not a directory");
    // Root may write to any other directory.
    expect_message(error_of_writing("/proc/self/file"), "/proc/self/file", "cannot be written: ");
    expect_message(error_of_writing(""), "", "expected the name of a file to write");
    expect_message(error_of_writing(directory_.path() / ""), directory_.path() / "",
                   "expected the name of a file");
}

// A pipe of the test's own, not a device: were the check lost, root would take the device from the machine.
TEST_F(Replaced, OnlyRegularFilesAreReplaced) {
    expect_message(error_of_writing(directory_.path()), directory_.path(), "is a directory, expected a file");
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    expect_message(error_of_writing(path_), path_, "is no regular file, expected a file to replace");
    EXPECT_TRUE(fs::is_fifo(path_));
    EXPECT_EQ(files(), 1);
}

TEST_F(Replaced, LinksStayAndLeadToTheNew) {
    fs::create_directory(directory_ / "elsewhere");
    test::write_bytes(directory_ / "elsewhere/file", "old");
    fs::create_symlink("elsewhere/file", path_);
    write(path_, "new");
    EXPECT_TRUE(fs::is_symlink(path_));
    EXPECT_EQ(bytes_of(directory_ / "elsewhere/file"), "new");
    fs::remove(directory_ / "elsewhere/file");
    expect_message(error_of_writing(path_), path_, "is a link that leads nowhere");
    EXPECT_TRUE(fs::is_symlink(path_));
}

TEST_F(Replaced, PermissionsAreThoseOfOtherFilesOrOfTheOld) {
    write(path_, "new");
    test::write_bytes(directory_ / "other", "other");
    EXPECT_EQ(fs::status(path_).permissions(), fs::status(directory_ / "other").permissions());
    fs::permissions(path_, fs::perms(0604));
    write(path_, "newer");
    EXPECT_EQ(fs::status(path_).permissions(), fs::perms(0604));
}

}  // namespace
}  // namespace sparsetrain::train
