// Where the tensors of a safetensors file are in its data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/tensor_entry.h"

namespace sparsetrain::train {

// Brings `tensors` into the order of their data. Throws an Error(invalid_argument) that names `file` and says
// what was found and expected, unless they cover all `data_bytes` without holes and overlaps, those of the
// format's types have as many bytes as their shapes need, and the bytes of every shape, sizes of 0 taken for
// 1, are fewer than 2^64.
void sort_and_check_layout(const std::string& file, std::vector<TensorEntry>& tensors,
                           std::uint64_t data_bytes);

}  // namespace sparsetrain::train
