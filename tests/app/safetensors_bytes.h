// Spells safetensors files out, good and bad, and sees what a reader says of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "sparsetrain/error.h"

namespace sparsetrain::test {

inline std::string little_endian(std::uint64_t value) {
    std::string bytes;
    for (unsigned shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(value >> shift & 0xffU);
    return bytes;
}

inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
    return little_endian(header.size()) + header + data;
}

// An entry of a header: `"name":{...}`.
inline std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
    return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
           offsets + "}";
}

inline std::string header_of(const std::vector<std::string>& entries) {
    std::string header(1, '{');
    for (const std::string& one : entries) header.append(header.size() == 1 ? "" : ",").append(one);
    return header.append("}");
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// The message of the Error that `action` throws; empty if it throws none.
template <typename Action>
std::string error_of(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.what();
        return error.what();
    }
    return {};
}

// `message` begins with the file's name and holds `what`.
inline void expect_message(const std::string& message, const std::filesystem::path& file,
                           const std::string& what) {
    EXPECT_TRUE(message.starts_with(file.string() + ": ")) << "message: " << message;
    EXPECT_NE(message.find(what), std::string::npos) << "message: " << message << "\nexpected: " << what;
}

}  // namespace sparsetrain::test
