// Files of named tensors in the format safetensors, which PyTorch and NumPy read and write, too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "train/file_descriptor.h"
#include "train/safetensors_header.h"

namespace sparsetrain::train {

// A file that stays open to be read. Any thread may read.
//
// Every fault of the file is an Error(invalid_argument) that names the file, and the tensor if it is one's,
// and says what was found and expected. Nothing that a header promises is believed before the file is known
// to have as many bytes.
class SafetensorsFile {
  public:
    // Reads and checks the header. Error(out_of_memory) if that does not fit the memory that there is.
    explicit SafetensorsFile(const std::filesystem::path& path);

    // In the order of their data. They may have types that cannot be read here.
    const std::vector<TensorEntry>& tensors() const { return header_.tensors; }
    const std::map<std::string, std::string>& metadata() const { return header_.metadata; }

    // Null if there is none of that name.
    const TensorEntry* find(std::string_view name) const;
    // Throws Error(invalid_argument) if there is none; it says what there is.
    const TensorEntry& at(std::string_view name) const;

    // The values of an entry of tensors(), innermost dimension first to change. Throws
    // Error(invalid_argument) unless the entry's dtype is F32 or I64, respectively, and has as many values as
    // `values`; nothing is converted.
    void read(const TensorEntry& tensor, std::span<float> values) const;
    void read(const TensorEntry& tensor, std::span<std::int64_t> values) const;

    // For those who take memory first: throws Error(invalid_argument) for an entry of another type.
    void expect_dtype(const TensorEntry& tensor, std::string_view dtype) const;

    [[noreturn]] void fail(const std::string& what) const;

  private:
    template <typename T>
    void read_values(const TensorEntry& tensor, std::span<T> values) const;
    void read_bytes(std::uint64_t offset, std::span<std::byte> bytes, const std::string& what) const;
    std::uint64_t regular_file_size() const;
    void read_header();

    std::string path_;
    FileDescriptor file_;
    SafetensorsHeader header_;
    std::uint64_t data_offset_ = 0;
};

struct TensorToWrite {
    std::string name;
    std::vector<std::uint64_t> shape;  // outermost first; none for a scalar
    std::variant<std::span<const float>, std::span<const std::int64_t>> values;  // as F32, as I64
};

// Replaces the file, or begins it, once all of it is on the disk: what was there stays if that fails or is
// interrupted. Data begin at a multiple of 8 bytes in the file; tensors of I64 come first, so that all are
// aligned to their values, and keep their order otherwise. Equal arguments give equal files.
//
// Throws Error(invalid_argument), which names the file, if it cannot be written (replaced_file.h) and for
// tensors of the same name, of names and metadata that are no UTF-8, and of more or fewer values than their
// shape has.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace sparsetrain::train
