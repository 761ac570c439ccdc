#include "train/idx_file.h"

#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "sparsetrain/error.h"

namespace sparsetrain::train {
namespace {

// Far more than any data set that is trained here, and far less than what a damaged header can ask for.
constexpr std::uint64_t kMostValues = std::uint64_t{1} << 30U;

class GzipReader {
  public:
    explicit GzipReader(const std::filesystem::path& path)
        : path_(path.string()), file_(gzopen(path_.c_str(), "rb")) {
        if (!file_) fail(std::string("cannot be opened: ") + std::strerror(errno));
    }

    // Reads until `size` bytes have come or the file ends; returns how many came.
    std::size_t read(std::uint8_t* to, std::size_t size) {
        const int got = gzread(file_.get(), to, static_cast<unsigned>(size));
        int code = Z_OK;
        const char* message = gzerror(file_.get(), &code);
        // A compressed stream that was cut off still gives what there is: the caller says what is missing.
        if (got < 0 && code != Z_BUF_ERROR) fail(std::string("cannot be read: ") + message);
        return got < 0 ? 0 : static_cast<std::size_t>(got);
    }

    std::uint32_t read_big_endian(const char* what) {
        std::array<std::uint8_t, 4> bytes{};
        if (read(bytes.data(), bytes.size()) != bytes.size())
            fail(std::string("ends before its ") + what + ", of 4 bytes");
        std::uint32_t value = 0;
        for (const std::uint8_t byte : bytes) value = value << 8U | byte;
        return value;
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw Error(ErrorCode::invalid_argument, path_ + ": " + what);
    }

  private:
    struct Close {
        void operator()(gzFile file) const { gzclose(file); }
    };
    std::string path_;
    std::unique_ptr<gzFile_s, Close> file_;
};

std::string hexadecimal(std::uint32_t value) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "0x%08x", value);
    return text.data();
}

void check_magic(GzipReader& file, int dimensions) {
    constexpr std::uint32_t unsigned_bytes = 0x0800;
    const std::uint32_t expected = unsigned_bytes + static_cast<std::uint32_t>(dimensions);
    const std::uint32_t found = file.read_big_endian("magic number");
    if (found != expected)
        file.fail("magic number " + hexadecimal(found) + ", expected " + hexadecimal(expected) +
                  " (IDX, unsigned bytes, " + std::to_string(dimensions) + " dimensions)");
}

std::uint64_t read_sizes(GzipReader& file, int dimensions, std::vector<std::uint32_t>& sizes) {
    std::uint64_t values = 1;
    for (int i = 0; i < dimensions; ++i) {
        sizes.push_back(file.read_big_endian("sizes"));
        if (sizes.back() == 0 || values * sizes.back() > kMostValues)
            file.fail("size " + std::to_string(sizes.back()) + " of dimension " + std::to_string(i) +
                      ", expected at least 1 and no more than " + std::to_string(kMostValues) +
                      " values in all");
        values *= sizes.back();
    }
    return values;
}

}  // namespace

IdxBytes read_idx_bytes(const std::filesystem::path& path, int dimensions) {
    GzipReader file(path);
    check_magic(file, dimensions);
    IdxBytes idx;
    const std::uint64_t expected = read_sizes(file, dimensions, idx.sizes);
    idx.values.resize(expected);
    if (const std::size_t found = file.read(idx.values.data(), expected); found != expected)
        file.fail("ends after " + std::to_string(found) + " values, expected " + std::to_string(expected));
    std::uint8_t beyond = 0;
    if (file.read(&beyond, 1) != 0)
        file.fail("goes on after the " + std::to_string(expected) + " values that it declares");
    return idx;
}

}  // namespace sparsetrain::train
