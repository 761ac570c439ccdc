// Values of parameters, images and labels that this project's tests and PyTorch's models compute alike, by
// name and index: nothing has to be stored to compare training steps.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sparsetrain::test {

// FNV-1a.
inline std::uint32_t hash_of(std::string_view name) {
    std::uint32_t hash = 2166136261;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
    return hash;
}

// In [-1, 1), a multiple of 2^-23: the finish of MurmurHash3 on a name's hash and an index.
inline float fixed_value(std::uint32_t name_hash, std::size_t index) {
    std::uint32_t x = name_hash + static_cast<std::uint32_t>(index) * 0x9E3779B9;
    x = (x ^ (x >> 16)) * 0x85EBCA6B;
    x = (x ^ (x >> 13)) * 0xC2B2AE35;
    x ^= x >> 16;
    return static_cast<float>(x >> 8) * 0x1p-23F - 1;
}

// centre + radius * fixed_value, in float.
struct FixedRange {
    float centre, radius;
};

// Convolutions keep the variance of activations, and no factor is 0, so that every gradient can be compared.
inline FixedRange fixed_range(const std::string& name, const std::vector<int>& shape) {
    if (name.ends_with("running_mean") || name.ends_with("num_batches_tracked")) return {0, 0};
    if (name.ends_with("running_var")) return {1, 0};
    if (shape.size() == 4) return {0, static_cast<float>(std::sqrt(6.0 / (shape[1] * shape[2] * shape[3])))};
    if (shape.size() == 2) return {0, static_cast<float>(std::sqrt(3.0 / shape[1]))};
    if (name.ends_with("weight")) return {1, 0.25F};  // of batch normalisation
    if (name.ends_with("scale")) return {0.5F, 0.25F};
    return {0, 0.1F};
}

// Of a parameter or a running statistic, by the name in this project's files, row-major in PyTorch's shape.
inline std::vector<float> fixed_parameter(const std::string& name, const std::vector<int>& shape) {
    std::size_t count = 1;
    for (const int size : shape) count *= static_cast<std::size_t>(size);
    const FixedRange range = fixed_range(name, shape);
    const std::uint32_t hash = hash_of(name);
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = range.centre + range.radius * fixed_value(hash, i);
    return values;
}

// [N][C][H][W], of `count` values.
inline std::vector<float> fixed_images(std::size_t count) {
    std::vector<float> values(count);
    const std::uint32_t hash = hash_of("images");
    for (std::size_t i = 0; i < count; ++i) values[i] = fixed_value(hash, i);
    return values;
}

inline std::vector<int> fixed_labels(int batch, int classes) {
    std::vector<int> labels(static_cast<std::size_t>(batch));
    for (int n = 0; n < batch; ++n) labels[static_cast<std::size_t>(n)] = (n * 7 + 3) % classes;
    return labels;
}

}  // namespace sparsetrain::test
