#include "train/idx_file.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>
#include <string>

#include "sparsetrain/error.h"
#include "train/byte_reader.h"

namespace sparsetrain::train {
namespace {

// Far more than any data set that is trained here, and far less than what a damaged header can ask for.
constexpr std::uint64_t kMostValues = std::uint64_t{1} << 30U;

std::uint32_t read_big_endian(ByteReader& file, const char* what) {
    std::array<std::uint8_t, 4> bytes{};
    if (file.read(bytes.data(), bytes.size()) != bytes.size())
        file.fail(std::string("ends before its ") + what + ", of 4 bytes");
    std::uint32_t value = 0;
    for (const std::uint8_t byte : bytes) value = value << 8U | byte;
    return value;
}

std::string hexadecimal(std::uint32_t value) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "0x%08x", value);
    return text.data();
}

void check_magic(ByteReader& file, int dimensions) {
    constexpr std::uint32_t unsigned_bytes = 0x0800;
    const std::uint32_t expected = unsigned_bytes + static_cast<std::uint32_t>(dimensions);
    const std::uint32_t found = read_big_endian(file, "magic number");
    if (found != expected)
        file.fail("magic number " + hexadecimal(found) + ", expected " + hexadecimal(expected) +
                  " (IDX, unsigned bytes, " + std::to_string(dimensions) + " dimensions)");
}

std::uint64_t read_sizes(ByteReader& file, int dimensions, std::vector<std::uint32_t>& sizes) {
    std::uint64_t values = 1;
    for (int i = 0; i < dimensions; ++i) {
        sizes.push_back(read_big_endian(file, "sizes"));
        if (sizes.back() == 0 || values * sizes.back() > kMostValues)
            file.fail("size " + std::to_string(sizes.back()) + " of dimension " + std::to_string(i) +
                      ", expected at least 1 and no more than " + std::to_string(kMostValues) +
                      " values in all");
        values *= sizes.back();
    }
    return values;
}

// Memory grows with what the file holds, not with what its header says.
void read_values(ByteReader& file, std::uint64_t expected, std::vector<std::uint8_t>& values) {
    constexpr std::uint64_t kFirst = 1U << 20U;
    for (std::size_t found = 0; found < expected;) {
        values.resize(std::min(expected, std::max(kFirst, 2 * std::uint64_t{found})));
        found += file.read(values.data() + found, values.size() - found);
        if (found < values.size())
            file.fail("ends after " + std::to_string(found) + " values, expected " +
                      std::to_string(expected));
    }
    std::uint8_t beyond = 0;
    if (file.read(&beyond, 1) != 0)
        file.fail("goes on after the " + std::to_string(expected) + " values that it declares");
}

}  // namespace

IdxBytes read_idx_bytes(const std::filesystem::path& path, int dimensions) try {
    ByteReader file(path);
    check_magic(file, dimensions);
    IdxBytes idx;
    read_values(file, read_sizes(file, dimensions, idx.sizes), idx.values);
    return idx;
} catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, path.string() + ": its values do not fit the memory that there is");
}

}  // namespace sparsetrain::train
