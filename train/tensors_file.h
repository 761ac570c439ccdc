// Labelled images from a safetensors file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <vector>

namespace sparsetrain::train {

struct LabelledTensors {
    int count = 0, channels = 0, height = 0, width = 0;
    std::vector<float> images;         // [count][channels][height][width], as the file has them
    std::vector<std::int32_t> labels;  // [count]
};

// Reads the tensors `images`, F32 [N,C,H,W], and `labels`, I64 [N], whose values are to be at least 0 and
// below `classes`. Throws an Error(invalid_argument) that names the file and the tensor and says what was
// found and expected, for other types, shapes and labels, for sizes of 0, and for whatever is wrong with the
// file (safetensors.h); Error(out_of_memory) for one that does not fit the memory that there is. Images may
// hold any values; other tensors of the file are left alone.
LabelledTensors load_labelled_tensors(const std::filesystem::path& path,
                                      int classes = std::numeric_limits<std::int32_t>::max());

}  // namespace sparsetrain::train
