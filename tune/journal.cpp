#include "tune/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "sparsetrain/error.h"

namespace sparsetrain::tune {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& where, const std::string& message) {
    throw Error(ErrorCode::invalid_argument, where + ": " + message);
}

// To open a pipe is to wait for who is at its other end.
void check_plain(const fs::path& file) {
    if (fs::exists(file) && !fs::is_regular_file(file))
        fail(file.string(), "expected a file, found a folder, a device, a pipe or a socket");
}

struct Lines {
    std::vector<Json> records;
    std::uintmax_t whole = 0;  // bytes of the file that they take
};

Json record_of(const std::string& line) {
    try {
        return Json::parse(line);
    } catch (const Json::exception& error) {
        throw Error(ErrorCode::invalid_argument, std::string("expected a record in JSON: ") + error.what());
    }
}

// `header`, if there is one, is the first that is expected.
Json checked(const std::string& line, bool is_first, RecordCheck& check, const Json* header) {
    Json record = record_of(line);
    if (!is_first) {
        check.record(record);
        return record;
    }
    check.header(record);
    if (header != nullptr && record != *header)
        throw Error(ErrorCode::invalid_argument, "expected the journal of a tuning such as this one, " +
                                                     header->dump() + ", found " + record.dump() +
                                                     "; remove it and its table, or choose another --out");
    return record;
}

// A last line without its end was cut off; any other was written whole.
Lines read_lines(const fs::path& file, RecordCheck& check, const Json* header) {
    Lines lines;
    std::ifstream stream(file, std::ios::binary);
    for (std::string line; std::getline(stream, line) && !stream.eof();) {
        const bool is_first = lines.records.empty();
        try {
            lines.records.push_back(checked(line, is_first, check, header));
        } catch (const Error& error) {
            fail(file.string() + ":" + std::to_string(lines.records.size() + 1),
                 error.what() + std::string(is_first ? "" : "; without this line, the others count"));
        }
        lines.whole += line.size() + 1;
    }
    if (!stream.eof()) fail(file.string(), "expected a file that can be read");
    return lines;
}

}  // namespace

std::vector<Json> Journal::read(const fs::path& file, const schedules::Tables& tables) {
    if (!fs::exists(file)) return {};
    check_plain(file);
    RecordCheck check(tables);
    std::vector<Json> records = read_lines(file, check, nullptr).records;
    if (!records.empty()) records.erase(records.begin());
    return records;
}

// The lock is gone with the last process that has the file open: with this one or, if that was killed, with
// the one that ends its builds.
Journal::File::File(fs::path path) : path_(std::move(path)) {
    check_plain(path_);
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor_ < 0)
        fail(path_.string(), std::string("expected a file that can be written: ") + std::strerror(errno));
    if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    close(descriptor_);
    fail(path_.string(),
         "expected a journal that nobody writes, found that of a tuning that runs; wait for its end, "
         "or choose another --out");
}

Journal::File::~File() {
    close(descriptor_);
}

void Journal::File::append(const std::string& text) const {
    for (std::size_t written = 0; written < text.size();) {
        const ssize_t size = write(descriptor_, text.data() + written, text.size() - written);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) fail(path_.string(), std::string("cannot be written: ") + std::strerror(errno));
        written += static_cast<std::size_t>(size);
    }
}

Journal::Journal(fs::path file, const Json& header, const schedules::Tables& tables)
    : file_(std::move(file)), check_(tables) {
    check_.header(header);
    Lines lines = read_lines(file_.path(), check_, &header);
    if (fs::file_size(file_.path()) > lines.whole) fs::resize_file(file_.path(), lines.whole);
    if (lines.records.empty()) {
        file_.append(header.dump() + '\n');
    } else {
        records_.assign(lines.records.begin() + 1, lines.records.end());
    }
}

void Journal::append(const Json& record) {
    try {
        check_.record(record);
    } catch (const Error& error) {
        fail(file_.path().string(), error.what());
    }
    file_.append(record.dump() + '\n');
    records_.push_back(record);
}

}  // namespace sparsetrain::tune
