#include "train/images.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sparsetrain/error.h"

namespace sparsetrain::train {
namespace {

constexpr std::string_view kTensors = "tensors:";

std::size_t area(int height, int width) {
    return static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
}

// The two pixels of a row or column that one of the other size lies between, and how much the second counts.
struct Between {
    std::size_t low, high;
    float share;
};

Between between(int i, int from, int to) {
    const double at = (i + 0.5) * from / to - 0.5;
    const double clamped = std::clamp(at, 0.0, from - 1.0);
    const auto low = static_cast<std::size_t>(clamped);
    return {low, std::min(low + 1, static_cast<std::size_t>(from - 1)),
            static_cast<float>(clamped - static_cast<double>(low))};
}

// Grey images of bytes, normalised; each channel is the same.
class ByteImages : public Images {
  public:
    ByteImages(Dataset data, Normalisation normalisation)
        : data_(std::move(data)), normalisation_(normalisation) {}

    int count() const override { return data_.count; }

    Batch batch(std::span<const std::uint32_t> indices, const ImageFormat& format) const override {
        Batch own = gather(data_, normalisation_, indices);
        if (format.size == data_.height && format.size == data_.width && format.channels == 1) return own;
        Batch batch{{}, own.labels};
        const std::size_t size = data_.image_size();
        std::vector<float> plane;
        for (std::size_t i = 0; i < indices.size(); ++i) {
            plane.clear();
            resize_plane(std::span(own.images).subspan(i * size, size), data_.height, data_.width,
                         format.size, plane);
            for (int c = 0; c < format.channels; ++c)
                std::ranges::copy(plane, std::back_inserter(batch.images));
        }
        return batch;
    }

  private:
    Dataset data_;
    Normalisation normalisation_;
};

// Tensors of a file, as they are.
class TensorImages : public Images {
  public:
    explicit TensorImages(std::shared_ptr<const LabelledTensors> data) : data_(std::move(data)) {}

    int count() const override { return data_->count; }

    Batch batch(std::span<const std::uint32_t> indices, const ImageFormat& format) const override {
        const std::size_t plane = area(data_->height, data_->width);
        const auto channels = static_cast<std::size_t>(data_->channels);
        Batch batch;
        for (const std::uint32_t index : indices) {
            for (int c = 0; c < format.channels; ++c) {
                const std::size_t channel = channels == 1 ? 0 : static_cast<std::size_t>(c);
                resize_plane(std::span(data_->images).subspan((index * channels + channel) * plane, plane),
                             data_->height, data_->width, format.size, batch.images);
            }
            batch.labels.push_back(data_->labels[index]);
        }
        return batch;
    }

  private:
    std::shared_ptr<const LabelledTensors> data_;
};

TrainingData load_tensors(const std::string& path) {
    const auto data = std::make_shared<const LabelledTensors>(load_labelled_tensors(path));
    TrainingData all;
    all.train = std::make_unique<TensorImages>(data);
    all.test = std::make_unique<TensorImages>(data);
    all.format = {std::max(data->height, data->width), data->channels};
    all.classes = 1 + *std::ranges::max_element(data->labels);
    all.is_shuffled = false;
    return all;
}

}  // namespace

void resize_plane(std::span<const float> plane, int height, int width, int size, std::vector<float>& to) {
    if (height == size && width == size) {
        std::ranges::copy(plane, std::back_inserter(to));
        return;
    }
    std::vector<Between> columns;
    columns.reserve(static_cast<std::size_t>(size));
    for (int x = 0; x < size; ++x) columns.push_back(between(x, width, size));
    for (int y = 0; y < size; ++y) {
        const Between row = between(y, height, size);
        const float* above = plane.data() + row.low * static_cast<std::size_t>(width);
        const float* below = plane.data() + row.high * static_cast<std::size_t>(width);
        for (const Between& column : columns) {
            const float top = std::lerp(above[column.low], above[column.high], column.share);
            const float bottom = std::lerp(below[column.low], below[column.high], column.share);
            to.push_back(std::lerp(top, bottom, row.share));
        }
    }
}

Batch Images::consecutive(int first, int wanted, const ImageFormat& format) const {
    std::vector<std::uint32_t> indices(static_cast<std::size_t>(std::min(wanted, count() - first)));
    std::iota(indices.begin(), indices.end(), static_cast<std::uint32_t>(first));
    return batch(indices, format);
}

std::string check_data_name(const std::string& data) {
    if (data.starts_with(kTensors)) {
        return data.size() > kTensors.size() ? "" : "given " + data + ", expected tensors:FILE.safetensors";
    }
    std::string names;
    for (const DataSource& source : data_sources()) {
        if (data == source.name) return "";
        names += std::string(source.name) + " or ";
    }
    return "given " + data + ", expected " + names + "tensors:FILE.safetensors";
}

TrainingData load_data(const std::string& data, const std::string& directory) {
    if (const std::string fault = check_data_name(data); !fault.empty())
        throw Error(ErrorCode::invalid_argument, "data: " + fault);
    if (data.starts_with(kTensors)) return load_tensors(data.substr(kTensors.size()));
    const DataSource& source = find_named(data_sources(), data);
    DataSplits splits = source.load(directory.empty() ? source.directory : directory);
    const Normalisation normalisation = normalisation_of(splits.train);
    TrainingData all;
    all.format = {splits.train.height, 1};
    all.classes = splits.train.classes;
    all.train = std::make_unique<ByteImages>(std::move(splits.train), normalisation);
    all.test = std::make_unique<ByteImages>(std::move(splits.test), normalisation);
    return all;
}

}  // namespace sparsetrain::train
