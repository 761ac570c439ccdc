// What a file of tensors says of one of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sparsetrain::train {

struct TensorEntry {
    std::string name;
    std::string dtype;                 // "F32", "I64", ..., or one that is not known here
    std::vector<std::uint64_t> shape;  // outermost first; a scalar has none, and a size may be 0
    std::uint64_t begin = 0, end = 0;  // of its bytes, counted from where the data begin

    // The product of the sizes: 1 for a scalar.
    std::uint64_t value_count() const;
};

// For messages: `tensor "conv1.weight", F32 [64,3,7,7]`.
std::string description(const TensorEntry& tensor);

// For messages: as JSON has it, in ASCII; shortened.
std::string in_quotes(std::string_view text);

}  // namespace sparsetrain::train
