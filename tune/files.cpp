#include "tune/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "sparsetrain/error.h"

namespace sparsetrain::tune {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& expected, const std::string& found) {
    throw Error(ErrorCode::invalid_argument, path.string() + ": expected " + expected + ", found " + found);
}

const char* description_of(fs::file_type type) {
    switch (type) {
        case fs::file_type::regular:
            return "a file";
        case fs::file_type::directory:
            return "a folder";
        case fs::file_type::symlink:
            return "a link";
        default:
            return "a device, a pipe or a socket";
    }
}

fs::path folder_of(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

// A file of its own beside `file`, with a name as long as any that a tuning needs. What it is about to tell
// is known only by trying: access() knows nothing of file systems, and of root's rights too much.
class Neighbour {
  public:
    explicit Neighbour(const fs::path& file) : path_(file.string() + ".new.XXXXXX") {
        const int made = mkstemp(path_.data());
        if (made < 0) fail(file, "a file that can be written", std::strerror(errno));
        const mode_t hidden = umask(0);
        umask(hidden);
        fchmod(made, 0666 & ~hidden);
        close(made);
    }
    ~Neighbour() {
        if (!path_.empty()) unlink(path_.c_str());
    }
    Neighbour(const Neighbour&) = delete;
    Neighbour& operator=(const Neighbour&) = delete;

    const std::string& path() const { return path_; }
    void move_to(const fs::path& file) {
        fs::rename(path_, file);
        path_.clear();
    }

  private:
    std::string path_;
};

// By way of a link, what it leads to would stay as it is and the link be lost.
void check_replaceable(const fs::path& file) {
    std::error_code error;
    const fs::file_type type = fs::symlink_status(file, error).type();
    if (type == fs::file_type::none) fail(file, "a file to write", error.message());
    if (type == fs::file_type::not_found) {
        if (!fs::is_directory(folder_of(file), error))
            fail(file, "a folder that exists, " + folder_of(file).string(), "none");
        return;
    }
    if (type != fs::file_type::regular) fail(file, "a file to write", description_of(type));
    if (access(file.c_str(), W_OK) != 0) fail(file, "a file that can be written", std::strerror(errno));
}

void check_writable(const fs::path& file) {
    const Neighbour gone_at_once(file);
}

}  // namespace

fs::path journal_in(const fs::path& work) {
    return work / "journal.jsonl";
}

void check_output(const fs::path& out, const fs::path& work) {
    if (!out.has_filename()) fail("--out " + out.string(), "the name of a file", "none");
    check_replaceable(out);
    check_writable(out);
    const fs::file_type type = fs::status(work).type();
    if (type == fs::file_type::directory) {
        check_writable(journal_in(work));
    } else if (fs::exists(fs::symlink_status(work))) {
        fail(work, "a folder, or none", description_of(fs::symlink_status(work).type()));
    }
    if (fs::exists(out) && !fs::is_empty(out) && !fs::exists(journal_in(work)))
        fail(out, "the journal of the tuning that wrote it, " + journal_in(work).string(),
             "none: move the file, or choose another --out");
}

void replace_file(const fs::path& file, const std::string& text) {
    check_replaceable(file);
    Neighbour fresh(file);
    std::ofstream out(fresh.path(), std::ios::trunc);
    out << text << std::flush;
    out.close();
    if (!out) fail(file, "a file that can be written", "that it cannot");
    fresh.move_to(file);
}

}  // namespace sparsetrain::tune
