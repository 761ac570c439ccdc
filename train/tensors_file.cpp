#include "train/tensors_file.h"

#include <algorithm>
#include <array>
#include <new>
#include <string>

#include "sparsetrain/error.h"
#include "train/safetensors.h"

namespace sparsetrain::train {
namespace {

constexpr std::uint64_t kMostSize = std::numeric_limits<int>::max();

// Before memory is taken for it.
void check(const SafetensorsFile& file, const TensorEntry& tensor, const char* dtype, std::size_t dimensions,
           const char* shape) {
    file.expect_dtype(tensor, dtype);
    if (tensor.shape.size() != dimensions)
        file.fail(description(tensor) + ": found " + std::to_string(tensor.shape.size()) +
                  " dimensions, expected " + std::to_string(dimensions) + ", " + shape);
    for (const std::uint64_t size : tensor.shape)
        if (size < 1 || size > kMostSize)
            file.fail(description(tensor) + ": found a size of " + std::to_string(size) +
                      ", expected from 1 to " + std::to_string(kMostSize));
}

void read_images(const SafetensorsFile& file, LabelledTensors& data) {
    const TensorEntry& images = file.at("images");
    check(file, images, "F32", 4, "[N,C,H,W]");
    const std::array<int*, 4> sizes{&data.count, &data.channels, &data.height, &data.width};
    for (std::size_t i = 0; i < sizes.size(); ++i) *sizes[i] = static_cast<int>(images.shape[i]);
    data.images.resize(images.value_count());
    file.read(images, data.images);
}

void read_labels(const SafetensorsFile& file, int classes, LabelledTensors& data) {
    const TensorEntry& labels = file.at("labels");
    check(file, labels, "I64", 1, "[N]");
    if (labels.shape[0] != static_cast<std::uint64_t>(data.count))
        file.fail(description(labels) + ": found " + std::to_string(labels.shape[0]) +
                  " labels, expected one for each of the " + std::to_string(data.count) + " images");
    std::vector<std::int64_t> values(labels.value_count());
    file.read(labels, values);
    const auto bad =
        std::ranges::find_if(values, [classes](std::int64_t label) { return label < 0 || label >= classes; });
    if (bad != values.end())
        file.fail(description(labels) + ": found label " + std::to_string(*bad) + " of image " +
                  std::to_string(bad - values.begin()) + ", expected 0 to " + std::to_string(classes - 1));
    data.labels.assign(values.begin(), values.end());
}

}  // namespace

LabelledTensors load_labelled_tensors(const std::filesystem::path& path, int classes) try {
    const SafetensorsFile file(path);
    LabelledTensors data;
    read_images(file, data);
    read_labels(file, classes, data);
    return data;
} catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory,
                path.string() + ": its tensors do not fit the memory that there is");
}

}  // namespace sparsetrain::train
