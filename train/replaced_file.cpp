#include "train/replaced_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>

#include "sparsetrain/error.h"

namespace sparsetrain::train {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
    throw Error(ErrorCode::invalid_argument, path.string() + ": " + what);
}

[[noreturn]] void fail_to_write(const fs::path& path) {
    fail(path, std::string("cannot be written: ") + std::strerror(errno));
}

fs::path directory_of(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

// A device or a pipe must not be replaced, though root may.
void check_replaceable(const fs::path& path, const fs::path& target) {
    std::error_code error;
    const fs::file_type type = fs::status(target, error).type();
    if (type == fs::file_type::not_found) return;
    if (type == fs::file_type::none) fail(path, "cannot be written: " + error.message());
    if (type != fs::file_type::regular)
        fail(path, std::string(type == fs::file_type::directory ? "is a directory" : "is no regular file") +
                       ", expected a file to replace, or none");
    if (access(target.c_str(), W_OK) != 0) fail_to_write(path);
}

fs::path target_of(const fs::path& path) {
    if (!path.has_filename()) fail(path, "expected the name of a file to write, given none");
    fs::path target = path;
    if (std::error_code error; fs::is_symlink(fs::symlink_status(path, error))) {
        target = fs::canonical(path, error);
        if (error) fail(path, "is a link that leads nowhere: " + error.message());
    }
    check_replaceable(path, target);
    return target;
}

// Not mkstemp: its file would be its owner's alone, and the umask cannot be read without a moment in which
// other threads have another.
int create_beside(const fs::path& target, std::string& name) {
    constexpr int kAttempts = 100;
    constexpr mode_t kEverybody = 0666;  // less the umask
    std::random_device random;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        name = target.string() + ".new." + std::to_string(random());
        const int made = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kEverybody);
        if (made >= 0 || errno != EEXIST) return made;
    }
    return -1;
}

}  // namespace

ReplacedFile::ReplacedFile(const fs::path& path)
    : path_(path.string()), target_(target_of(path)), file_(create_beside(target_, temporary_)) {
    if (!file_.is_open()) fail_to_write(path_);
    keep_permissions();
}

ReplacedFile::~ReplacedFile() {
    if (!temporary_.empty()) unlink(temporary_.c_str());
}

// Those of a new file are the system's choice, and so are those on file systems that have none.
void ReplacedFile::keep_permissions() const {
    struct stat old {};
    constexpr mode_t kPermissions = 0777;
    if (stat(target_.c_str(), &old) == 0 && fchmod(file_.number(), old.st_mode & kPermissions) != 0 &&
        errno != EPERM && errno != ENOTSUP)
        fail_to_write(path_);
}

void ReplacedFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file_.number(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail_to_write(path_);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void ReplacedFile::commit() {
    if (fsync(file_.number()) != 0 || !file_.close_now() ||
        std::rename(temporary_.c_str(), target_.c_str()) != 0)
        fail_to_write(path_);
    temporary_.clear();
    sync_directory();
}

// Only then is the new name on the disk. Some directories can be written to but not read, and some file
// systems cannot do this.
void ReplacedFile::sync_directory() const {
    const FileDescriptor directory(open(directory_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.is_open() && fsync(directory.number()) != 0 && errno != EINVAL)
        fail(path_, std::string("is written, but may be lost if power fails now: ") + std::strerror(errno));
}

}  // namespace sparsetrain::train
