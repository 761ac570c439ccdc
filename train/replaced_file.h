// A file that is replaced as a whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "train/file_descriptor.h"

namespace sparsetrain::train {

// What is written goes into a new file beside `path`, which takes its name by commit() once all of it is on
// the disk. Until then, and if there is no commit(), what was there stays. By way of a symbolic link, the
// file that it leads to is replaced; the new one has the permissions of the old. Only a process that is
// killed leaves the new file behind, `path`.new.NUMBER.
//
// Everything throws an Error(invalid_argument) that names `path`: for a directory that is missing or cannot
// be written to, for something in its place that is no regular file or is read-only, and for a full disk.
class ReplacedFile {
  public:
    explicit ReplacedFile(const std::filesystem::path& path);
    ~ReplacedFile();
    ReplacedFile(const ReplacedFile&) = delete;
    ReplacedFile& operator=(const ReplacedFile&) = delete;

    void write(std::span<const std::byte> bytes);
    void commit();

  private:
    void keep_permissions() const;
    void sync_directory() const;

    std::string path_;              // as given
    std::filesystem::path target_;  // what it leads to
    std::string temporary_;         // empty once it is renamed
    FileDescriptor file_;
};

}  // namespace sparsetrain::train
