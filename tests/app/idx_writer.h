// Writes small IDX files in the manner of Fashion-MNIST.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <vector>

namespace sparsetrain::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes idx_bytes(std::uint32_t magic, const std::vector<std::uint32_t>& sizes, const Bytes& values) {
    Bytes bytes;
    const auto append = [&bytes](std::uint32_t word) {
        for (const unsigned shift : {24U, 16U, 8U, 0U})
            bytes.push_back(static_cast<std::uint8_t>(word >> shift));
    };
    append(magic);
    for (const std::uint32_t size : sizes) append(size);
    bytes.insert(bytes.end(), values.begin(), values.end());
    return bytes;
}

inline void write_gzip(const std::filesystem::path& path, const Bytes& bytes) {
    gzFile file = gzopen(path.c_str(), "wb");
    if (file == nullptr) throw std::runtime_error("cannot write " + path.string());
    const int written = gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    if (gzclose(file) != Z_OK || written != static_cast<int>(bytes.size()))
        throw std::runtime_error("cannot write " + path.string());
}

// Image i of a written split: pixel p is (7 * i + p) % 256; its label is i % 10.
inline void write_split(const std::filesystem::path& directory, const std::string& prefix, int count) {
    Bytes pixels, labels;
    for (int i = 0; i < count; ++i) {
        for (int p = 0; p < 28 * 28; ++p) pixels.push_back(static_cast<std::uint8_t>(7 * i + p));
        labels.push_back(static_cast<std::uint8_t>(i % 10));
    }
    const auto n = static_cast<std::uint32_t>(count);
    write_gzip(directory / (prefix + "-images-idx3-ubyte.gz"), idx_bytes(0x803, {n, 28, 28}, pixels));
    write_gzip(directory / (prefix + "-labels-idx1-ubyte.gz"), idx_bytes(0x801, {n}, labels));
}

}  // namespace sparsetrain::test
