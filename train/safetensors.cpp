#include "train/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>

#include "sparsetrain/error.h"
#include "train/replaced_file.h"

namespace sparsetrain::train {
namespace {

static_assert(std::endian::native == std::endian::little, "values and lengths are little-endian in the file");

using HeaderLength = std::uint64_t;

template <typename T>
constexpr const char* kDtype = nullptr;
template <>
constexpr const char* kDtype<float> = "F32";
template <>
constexpr const char* kDtype<std::int64_t> = "I64";

// A pipe without a writer would have open() wait for one.
int open_to_read(const std::string& path) {
    return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) try
    : path_(path.string()), file_(open_to_read(path_)) {
    if (!file_.is_open()) fail(std::string("cannot be opened: ") + std::strerror(errno));
    read_header();
} catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory,
                path.string() + ": its header does not fit the memory that there is");
}

void SafetensorsFile::fail(const std::string& what) const {
    throw Error(ErrorCode::invalid_argument, path_ + ": " + what);
}

std::uint64_t SafetensorsFile::regular_file_size() const {
    struct stat status {};
    if (fstat(file_.number(), &status) != 0) fail(std::string("cannot be read: ") + std::strerror(errno));
    if (S_ISDIR(status.st_mode)) fail("is a directory, expected a file");
    if (!S_ISREG(status.st_mode)) fail("is a device, a pipe or a socket, expected a regular file");
    return static_cast<std::uint64_t>(status.st_size);
}

void SafetensorsFile::read_header() {
    const std::uint64_t size = regular_file_size();
    HeaderLength length = 0;
    if (size < sizeof length)
        fail("found " + std::to_string(size) + " bytes, expected at least the 8 of the header's length");
    read_bytes(0, std::as_writable_bytes(std::span(&length, 1)), "the header's length");
    const std::uint64_t most = std::min(kMostHeaderBytes, size - sizeof length);
    if (length > most)
        fail("found a header of " + std::to_string(length) + " bytes, expected no more than " +
             std::to_string(most) + " in a file of " + std::to_string(size));
    std::string text(length, '\0');
    read_bytes(sizeof length, std::as_writable_bytes(std::span(text)), "the header");
    data_offset_ = sizeof length + length;
    header_ = parse_safetensors_header(path_, text, size - data_offset_);
}

// Throws if the file ends before, as it does if somebody has cut it since it was opened.
void SafetensorsFile::read_bytes(std::uint64_t offset, std::span<std::byte> bytes,
                                 const std::string& what) const {
    while (!bytes.empty()) {
        const ssize_t found = pread(file_.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (found < 0 && errno == EINTR) continue;
        if (found < 0) fail(what + " cannot be read: " + std::strerror(errno));
        if (found == 0)
            fail(what + ": found the end of the file at byte " + std::to_string(offset) + ", expected " +
                 std::to_string(bytes.size()) + " bytes more");
        bytes = bytes.subspan(static_cast<std::size_t>(found));
        offset += static_cast<std::uint64_t>(found);
    }
}

const TensorEntry* SafetensorsFile::find(std::string_view name) const {
    const auto found = std::ranges::find(tensors(), name, &TensorEntry::name);
    return found == tensors().end() ? nullptr : &*found;
}

const TensorEntry& SafetensorsFile::at(std::string_view name) const {
    constexpr std::size_t kMostShown = 10;
    if (const TensorEntry* found = find(name)) return *found;
    std::string there;
    for (std::size_t i = 0; i < std::min(tensors().size(), kMostShown); ++i)
        there += (i == 0 ? "" : ", ") + in_quotes(tensors()[i].name);
    if (tensors().size() > kMostShown)
        there += " and " + std::to_string(tensors().size() - kMostShown) + " more";
    fail("expected a tensor " + in_quotes(name) + ", found " + (there.empty() ? "no tensors" : there));
}

void SafetensorsFile::expect_dtype(const TensorEntry& tensor, std::string_view dtype) const {
    if (tensor.dtype != dtype)
        fail(description(tensor) + ": found dtype " + tensor.dtype + ", expected " + std::string(dtype));
}

template <typename T>
void SafetensorsFile::read_values(const TensorEntry& tensor, std::span<T> values) const {
    expect_dtype(tensor, kDtype<T>);
    if (tensor.end - tensor.begin != values.size_bytes())
        fail(description(tensor) + ": expected " + std::to_string(values.size()) + " values, found " +
             std::to_string(tensor.value_count()));
    read_bytes(data_offset_ + tensor.begin, std::as_writable_bytes(values), description(tensor));
}

void SafetensorsFile::read(const TensorEntry& tensor, std::span<float> values) const {
    read_values(tensor, values);
}

void SafetensorsFile::read(const TensorEntry& tensor, std::span<std::int64_t> values) const {
    read_values(tensor, values);
}

namespace {

std::span<const std::byte> bytes_of(const TensorToWrite& tensor) {
    return std::visit([](const auto& values) { return std::as_bytes(values); }, tensor.values);
}

TensorEntry entry_of(const TensorToWrite& tensor) {
    const bool is_float = std::holds_alternative<std::span<const float>>(tensor.values);
    return {tensor.name, is_float ? kDtype<float> : kDtype<std::int64_t>, tensor.shape};
}

std::vector<const TensorToWrite*> in_file_order(std::span<const TensorToWrite> tensors) {
    std::vector<const TensorToWrite*> order;
    for (const TensorToWrite& tensor : tensors) order.push_back(&tensor);
    std::stable_partition(order.begin(), order.end(), [](const TensorToWrite* tensor) {
        return std::holds_alternative<std::span<const std::int64_t>>(tensor->values);
    });
    return order;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
    const std::vector<const TensorToWrite*> order = in_file_order(tensors);
    SafetensorsHeader header{{}, metadata};
    std::uint64_t end = 0;
    for (const TensorToWrite* tensor : order) {
        TensorEntry& entry = header.tensors.emplace_back(entry_of(*tensor));
        entry.begin = end;
        entry.end = end += bytes_of(*tensor).size();
    }
    const std::string text = safetensors_header_text(path.string(), header);
    parse_safetensors_header(path.string(), text, end);  // what readers would refuse is not written
    const HeaderLength length = text.size();
    ReplacedFile file(path);
    file.write(std::as_bytes(std::span(&length, 1)));
    file.write(std::as_bytes(std::span(text)));
    for (const TensorToWrite* tensor : order) file.write(bytes_of(*tensor));
    file.commit();
}

}  // namespace sparsetrain::train
