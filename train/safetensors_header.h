// The header of a safetensors file: names, types, shapes and places of its tensors, in JSON.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "train/tensor_entry.h"

namespace sparsetrain::train {

struct SafetensorsHeader {
    std::vector<TensorEntry> tensors;  // in the order of their data
    std::map<std::string, std::string> metadata;
};

// Of the JSON; that of the format's reference implementation.
inline constexpr std::uint64_t kMostHeaderBytes = 100'000'000;
// As many as NumPy has.
inline constexpr std::size_t kMostDimensions = 64;

// Of the JSON `text`, behind which `data_bytes` bytes follow. Throws an Error(invalid_argument) that names
// `file` and says what was found and expected, for a header that the format does not allow, be it by its JSON
// or by what it says of the data (safetensors_layout.h).
SafetensorsHeader parse_safetensors_header(const std::string& file, std::string_view text,
                                           std::uint64_t data_bytes);

// Header and padding, as they stand in a file behind the header's length: a multiple of 8 bytes. Throws an
// Error(invalid_argument) that names `file` for names and metadata that are no UTF-8, for names that occur
// twice or are "__metadata__", and for more than kMostHeaderBytes.
std::string safetensors_header_text(const std::string& file, const SafetensorsHeader& header);

}  // namespace sparsetrain::train
