#include "cli/metrics_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sparsetrain/error.h"

namespace sparsetrain::cli {

MetricsFile::MetricsFile(std::string path) : path_(std::move(path)) {
    open_or_create();
    struct stat status {};
    is_regular_ = fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
    if (is_regular_) lock();
}

MetricsFile::~MetricsFile() {
    if (is_new_ && !has_lines_) unlink(path_.c_str());
    if (descriptor_ >= 0) close(descriptor_);
}

void MetricsFile::fail(const std::string& what) const {
    throw Error(ErrorCode::invalid_argument, "metrics file " + path_ + ": " + what);
}

void MetricsFile::open_or_create() {
    constexpr int kFlags = O_WRONLY | O_CLOEXEC;
    constexpr mode_t kEverybody = 0666;  // less the umask
    descriptor_ = open(path_.c_str(), kFlags | O_CREAT | O_EXCL, kEverybody);
    is_new_ = descriptor_ >= 0;
    if (!is_new_ && errno == EEXIST) descriptor_ = open(path_.c_str(), kFlags | O_CREAT, kEverybody);
    if (descriptor_ < 0) fail(std::string("cannot be written: ") + std::strerror(errno));
}

void MetricsFile::lock() const {
    if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
    const std::string path = path_;
    close(descriptor_);
    throw Error(ErrorCode::invalid_argument, "metrics file " + path + ": another run is writing it");
}

void MetricsFile::write(std::string line) {
    if (!has_lines_ && is_regular_ && ftruncate(descriptor_, 0) != 0)
        fail(std::string("cannot be emptied: ") + std::strerror(errno));
    has_lines_ = true;
    line += '\n';
    for (std::size_t done = 0; done < line.size();) {
        const ssize_t written = ::write(descriptor_, line.data() + done, line.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail(std::string("writing failed: ") + std::strerror(errno));
        done += static_cast<std::size_t>(written);
    }
}

}  // namespace sparsetrain::cli
