// What was measured, as JSON lines, so that an interrupted tuning goes on where it was.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

namespace sparsetrain::tune {

using Json = nlohmann::ordered_json;

class Journal {
  public:
    // Opens the file, or begins it with `header`. Throws Error(invalid_argument) if it begins with another
    // one, as what it has cannot be compared, or cannot be written.
    Journal(std::filesystem::path file, const Json& header);

    // What is in it, without the header. A line that was cut off, the last one, is forgotten.
    static std::vector<Json> read(const std::filesystem::path& file);
    const std::vector<Json>& records() const { return records_; }

    // Every record is flushed.
    void append(const Json& record);

  private:
    std::filesystem::path path_;
    std::ofstream file_;
    std::vector<Json> records_;
};

}  // namespace sparsetrain::tune
