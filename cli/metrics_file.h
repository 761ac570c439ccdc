// The file that metrics go to.
#pragma once

#include <string>

namespace sparsetrain::cli {

// A file that one run at a time writes. What an earlier run left in it stays until this one has something to
// write: a run that fails before it begins takes nothing away, and leaves no empty file behind.
class MetricsFile {
  public:
    // Throws Error(invalid_argument) if the file cannot be written, or another run is writing it.
    explicit MetricsFile(std::string path);
    ~MetricsFile();
    MetricsFile(const MetricsFile&) = delete;
    MetricsFile& operator=(const MetricsFile&) = delete;

    // The first line replaces what there was. Each is written at once, so that a run that is cut off leaves
    // whole lines behind. Throws Error(invalid_argument) if that fails.
    void write(std::string line);

  private:
    [[noreturn]] void fail(const std::string& what) const;
    void open_or_create();
    void lock() const;

    std::string path_;
    int descriptor_ = -1;
    bool is_regular_ = false;  // not a pipe or a device, which can be neither locked nor emptied
    bool is_new_ = false, has_lines_ = false;
};

}  // namespace sparsetrain::cli
