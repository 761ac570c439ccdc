#include "train/safetensors_layout.h"

#include <algorithm>
#include <utility>

#include "sparsetrain/error.h"

namespace sparsetrain::train {
namespace {

[[noreturn]] void fail(const std::string& file, const std::string& what) {
    throw Error(ErrorCode::invalid_argument, file + ": " + what);
}

// Bytes of a value; 0 for types that are not known here, which a file may have.
std::uint64_t size_of(const std::string& dtype) {
    static constexpr std::pair<const char*, std::uint64_t> kSizes[] = {
        {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"F8_E8M0", 1},
        {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},     {"U32", 4},
        {"F32", 4},  {"I64", 8}, {"U64", 8}, {"F64", 8},     {"C64", 8}};
    for (const auto& [name, size] : kSizes)
        if (dtype == name) return size;
    return 0;
}

std::string offsets_of(const TensorEntry& tensor) {
    return "data_offsets [" + std::to_string(tensor.begin) + "," + std::to_string(tensor.end) + "]";
}

// Sizes that are 0 count as 1: a product of others that overflows is refused beside one, too.
bool product_overflows(const std::vector<std::uint64_t>& sizes, std::uint64_t& product) {
    return std::ranges::any_of(sizes, [&product](std::uint64_t size) {
        return __builtin_mul_overflow(product, std::max<std::uint64_t>(size, 1), &product);
    });
}

void check_bytes(const std::string& file, const TensorEntry& tensor) {
    const std::uint64_t size = size_of(tensor.dtype);
    std::uint64_t needed = std::max<std::uint64_t>(size, 1);
    if (product_overflows(tensor.shape, needed))
        fail(file, description(tensor) + ": found a shape of 2^64 bytes or more, expected less");
    if (std::ranges::count(tensor.shape, 0U) != 0) needed = 0;
    if (size != 0 && tensor.end - tensor.begin != needed)
        fail(file, description(tensor) + ": found " + std::to_string(tensor.end - tensor.begin) +
                       " bytes at " + offsets_of(tensor) + ", expected " + std::to_string(needed));
}

void check_place(const std::string& file, const TensorEntry& tensor, std::uint64_t data_bytes) {
    if (tensor.begin > tensor.end)
        fail(file,
             description(tensor) + ": found " + offsets_of(tensor) + ", expected the begin before the end");
    if (tensor.end > data_bytes)
        fail(file, description(tensor) + ": found " + offsets_of(tensor) +
                       ", expected an end within the file's " + std::to_string(data_bytes) +
                       " bytes of data");
}

// Of tensors in the order of their data.
void check_cover(const std::string& file, const std::vector<TensorEntry>& tensors, std::uint64_t data_bytes) {
    std::uint64_t covered = 0;
    for (const TensorEntry& tensor : tensors) {
        if (tensor.begin != covered)
            fail(file, description(tensor) + ": found " + offsets_of(tensor) + ", expected it to begin at " +
                           std::to_string(covered) + ", where the data before it end: " +
                           (tensor.begin < covered ? "an overlap" : "a hole"));
        covered = tensor.end;
    }
    if (covered != data_bytes)
        fail(file, "found " + std::to_string(data_bytes) + " bytes of data, expected " +
                       std::to_string(covered) + ", which is where the last tensor ends");
}

}  // namespace

void sort_and_check_layout(const std::string& file, std::vector<TensorEntry>& tensors,
                           std::uint64_t data_bytes) {
    for (const TensorEntry& tensor : tensors) {
        check_place(file, tensor, data_bytes);
        check_bytes(file, tensor);
    }
    std::ranges::stable_sort(tensors, {},
                             [](const TensorEntry& tensor) { return std::pair(tensor.begin, tensor.end); });
    check_cover(file, tensors, data_bytes);
}

}  // namespace sparsetrain::train
