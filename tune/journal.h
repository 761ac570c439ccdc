// What was measured, as JSON lines, so that an interrupted tuning goes on where it was.
#pragma once

#include <filesystem>
#include <vector>

#include "tune/record_check.h"

namespace sparsetrain::tune {

class Journal {
  public:
    // Opens the file of a tuning of `tables`, or begins it with `header`. A line that was cut off, the last
    // one, is forgotten. Throws Error(invalid_argument), which names file and line, for any other damage,
    // and if the file begins with another header, as what it has cannot be compared, is written by another
    // process, or cannot be written. The file is then as it was.
    Journal(std::filesystem::path file, const Json& header, const schedules::Tables& tables);

    // What is in it, without the header; nothing, if there is no file. Throws as the constructor does, for
    // damage and for a header of other tables.
    static std::vector<Json> read(const std::filesystem::path& file, const schedules::Tables& tables);
    const std::vector<Json>& records() const { return records_; }

    // Every record is written at once. Throws Error(invalid_argument) for one that could not be read again,
    // and if it cannot be written.
    void append(const Json& record);

  private:
    // Open for writing, by nobody else.
    class File {
      public:
        explicit File(std::filesystem::path path);
        ~File();
        File(const File&) = delete;
        File& operator=(const File&) = delete;

        void append(const std::string& text) const;
        const std::filesystem::path& path() const { return path_; }

      private:
        std::filesystem::path path_;
        int descriptor_ = -1;
    };

    File file_;
    RecordCheck check_;
    std::vector<Json> records_;
};

}  // namespace sparsetrain::tune
