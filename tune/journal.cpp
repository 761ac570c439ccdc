#include "tune/journal.h"

#include "sparsetrain/error.h"

namespace sparsetrain::tune {
namespace {

namespace fs = std::filesystem;

struct Lines {
    std::vector<Json> records;
    std::uintmax_t whole = 0;  // bytes of the file that they take
};

Lines read_lines(const fs::path& file) {
    Lines lines;
    std::ifstream stream(file, std::ios::binary);
    for (std::string line; std::getline(stream, line) && !stream.eof();) {
        Json record = Json::parse(line, nullptr, false);
        if (record.is_discarded()) break;
        lines.records.push_back(std::move(record));
        lines.whole += line.size() + 1;
    }
    return lines;
}

}  // namespace

std::vector<Json> Journal::read(const fs::path& file) {
    std::vector<Json> records = read_lines(file).records;
    if (!records.empty()) records.erase(records.begin());
    return records;
}

Journal::Journal(fs::path file, const Json& header) : path_(std::move(file)) {
    Lines lines = read_lines(path_);
    if (!lines.records.empty() && lines.records.front() != header)
        throw Error(ErrorCode::invalid_argument,
                    path_.string() + ": expected the journal of a tuning such as this one, " + header.dump() +
                        ", found " + lines.records.front().dump() + "; remove it, or choose another --out");
    if (fs::exists(path_)) fs::resize_file(path_, lines.whole);
    file_.open(path_, std::ios::app);
    if (lines.records.empty()) {
        append(header);
        records_.clear();
    } else {
        records_.assign(lines.records.begin() + 1, lines.records.end());
    }
    if (!file_)
        throw Error(ErrorCode::invalid_argument, path_.string() + ": expected a file that can be written");
}

void Journal::append(const Json& record) {
    file_ << record.dump() << '\n' << std::flush;
    if (!file_)
        throw Error(ErrorCode::invalid_argument, path_.string() + ": expected a file that can be written");
    records_.push_back(record);
}

}  // namespace sparsetrain::tune
