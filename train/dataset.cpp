#include "train/dataset.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sparsetrain/error.h"
#include "train/idx_file.h"

namespace sparsetrain::train {
namespace {

constexpr std::uint32_t kHeight = 28, kWidth = 28;
constexpr int kClasses = 10;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
    throw Error(ErrorCode::invalid_argument, path.string() + ": " + what);
}

void read_images(const std::filesystem::path& path, Dataset& data) {
    IdxBytes idx = read_idx_bytes(path, 3);
    if (idx.sizes[1] != kHeight || idx.sizes[2] != kWidth)
        fail(path, "images of " + std::to_string(idx.sizes[1]) + "x" + std::to_string(idx.sizes[2]) +
                       ", expected " + std::to_string(kHeight) + "x" + std::to_string(kWidth));
    data.count = static_cast<int>(idx.sizes[0]);
    data.height = static_cast<int>(kHeight);
    data.width = static_cast<int>(kWidth);
    data.pixels = std::move(idx.values);
}

void read_labels(const std::filesystem::path& path, Dataset& data) {
    IdxBytes idx = read_idx_bytes(path, 1);
    if (idx.sizes[0] != static_cast<std::uint32_t>(data.count))
        fail(path, std::to_string(idx.sizes[0]) + " labels, expected one for each of the " +
                       std::to_string(data.count) + " images");
    const auto bad = std::ranges::find_if(idx.values, [](std::uint8_t label) { return label >= kClasses; });
    if (bad != idx.values.end())
        fail(path, "label " + std::to_string(*bad) + " of image " + std::to_string(bad - idx.values.begin()) +
                       ", expected 0 to " + std::to_string(kClasses - 1));
    data.classes = kClasses;
    data.labels = std::move(idx.values);
}

// As Debian's package names the file or, without .gz, as other sources do; the first unless another is there.
std::filesystem::path find_file(const std::filesystem::path& directory, const std::string& kind,
                                const std::string& type) {
    std::filesystem::path usual = directory / std::string(kind).append("-").append(type).append(".gz");
    for (const char* separator : {"-", "."}) {
        for (const char* ending : {".gz", ""}) {
            std::filesystem::path path =
                directory / std::string(kind).append(separator).append(type).append(ending);
            if (std::filesystem::exists(path)) return path;
        }
    }
    return usual;
}

Dataset load_split(const std::filesystem::path& directory, const std::string& prefix) {
    Dataset data;
    read_images(find_file(directory, prefix + "-images", "idx3-ubyte"), data);
    read_labels(find_file(directory, prefix + "-labels", "idx1-ubyte"), data);
    return data;
}

}  // namespace

DataSplits load_fashion_mnist(const std::filesystem::path& directory) {
    if (!std::filesystem::is_directory(directory))
        fail(directory, "no such directory, expected the files of Debian's package dataset-fashion-mnist");
    return {load_split(directory, "train"), load_split(directory, "t10k")};
}

std::span<const DataSource> data_sources() {
    static constexpr DataSource kSources[] = {{"fashion-mnist", kFashionMnistDirectory, load_fashion_mnist}};
    return kSources;
}

Normalisation normalisation_of(const Dataset& data) {
    double sum = 0, squares = 0;
    for (const std::uint8_t pixel : data.pixels) {
        const double value = pixel / 255.0;
        sum += value;
        squares += value * value;
    }
    const auto count = static_cast<double>(data.pixels.size());
    const double mean = sum / count;
    const double variance = squares / count - mean * mean;
    // Less than one pixel value in a thousand differing by one step is as good as constant.
    const bool varies = variance > 1e-8;
    return {static_cast<float>(mean), varies ? static_cast<float>(std::sqrt(variance)) : 1.0F};
}

Batch gather(const Dataset& data, const Normalisation& normalisation,
             std::span<const std::uint32_t> indices) {
    const std::size_t size = data.image_size();
    Batch batch;
    batch.images.reserve(indices.size() * size);
    for (const std::uint32_t index : indices) {
        const std::uint8_t* image = data.pixels.data() + index * size;
        std::transform(image, image + size, std::back_inserter(batch.images), normalisation);
        batch.labels.push_back(data.labels[index]);
    }
    return batch;
}

Indices::Indices(int count, std::optional<std::uint64_t> seed)
    : is_shuffled_(seed), engine_(seed.value_or(0)) {
    if (count < 1)
        throw Error(ErrorCode::invalid_argument,
                    "Indices: count " + std::to_string(count) + ", expected at least 1");
    order_.resize(static_cast<std::size_t>(count));
    std::iota(order_.begin(), order_.end(), 0U);
    begin_epoch();
}

// Fisher and Yates. Not std::shuffle, whose result the standard leaves open. The remainder of 64 random bits
// is uniform to within count / 2^64.
void Indices::begin_epoch() {
    for (std::size_t left = is_shuffled_ ? order_.size() : 0; left > 1; --left)
        std::swap(order_[left - 1], order_[engine_() % left]);
    position_ = 0;
}

std::vector<std::uint32_t> Indices::next(int size) {
    std::vector<std::uint32_t> indices;
    while (static_cast<int>(indices.size()) < size) {
        if (position_ == order_.size()) begin_epoch();
        indices.push_back(order_[position_++]);
    }
    return indices;
}

}  // namespace sparsetrain::train
