// Reads files that may be compressed by gzip.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sparsetrain::train {

// Stricter than zlib's gzread: compressed data must end with their checksum and length, and nothing else may
// follow but more such data.
class ByteReader {
  public:
    // Throws Error(invalid_argument) for a file that cannot be opened or read.
    explicit ByteReader(const std::filesystem::path& path);
    ~ByteReader();
    ByteReader(const ByteReader&) = delete;
    ByteReader& operator=(const ByteReader&) = delete;

    // Reads until `size` bytes have come or the data end; returns how many came. Throws
    // Error(invalid_argument) for compressed data that are damaged, cut off or followed by something else.
    std::size_t read(std::uint8_t* to, std::size_t size);

    [[noreturn]] void fail(const std::string& what) const;

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    bool refill();
    std::size_t inflate_some(std::uint8_t* to, std::size_t size);
    void end_member();

    std::string path_;
    std::unique_ptr<std::FILE, Close> file_;
    std::vector<std::uint8_t> input_;
    z_stream stream_{};  // `next_in` and `avail_in` are what is left of `input_`, of plain files, too
    bool is_compressed_ = false, has_ended_ = false;
};

}  // namespace sparsetrain::train
