// Reader of IDX files of bytes, compressed by gzip or not: a magic number, the sizes, the values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace sparsetrain::train {

struct IdxBytes {
    std::vector<std::uint32_t> sizes;  // outermost first
    std::vector<std::uint8_t> values;
};

// Throws an Error(invalid_argument) that names `path` and says what was expected and found: for a file that
// is missing or unreadable, holds another element type than unsigned bytes or another number of dimensions,
// declares no or too much data, or ends before or after the data that it declares;
// Error(out_of_memory), which names it, too.
IdxBytes read_idx_bytes(const std::filesystem::path& path, int dimensions);

}  // namespace sparsetrain::train
