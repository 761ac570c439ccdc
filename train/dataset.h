// Labelled images from IDX files, and the mini-batches that training and evaluation take of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "train/named.h"

namespace sparsetrain::train {

// Images of one channel, 8 bits a pixel, row by row, and a label for each.
struct Dataset {
    int count = 0, height = 0, width = 0, classes = 0;
    std::vector<std::uint8_t> pixels;  // [count][height][width]
    std::vector<std::uint8_t> labels;  // [count], each below `classes`

    std::size_t image_size() const {
        return static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    }
};

struct DataSplits {
    Dataset train, test;
};

// Where Debian's package dataset-fashion-mnist puts its files.
inline constexpr const char* kFashionMnistDirectory = "/usr/share/datasets/fashion-mnist";

// Reads {train,t10k}-{images-idx3,labels-idx1}-ubyte, with .gz or without, from `directory`: 28x28 images of
// 10 classes. Throws Error(invalid_argument) that names the file and says what was expected and found, for
// one that is missing, truncated, too long, or no IDX file of such images, and Error(out_of_memory).
DataSplits load_fashion_mnist(const std::filesystem::path& directory);

struct DataSource {
    const char* name;
    const char* directory;  // where it is unless a user says otherwise
    DataSplits (*load)(const std::filesystem::path& directory);
};

// All of them.
std::span<const DataSource> data_sources();

// Maps pixels to values of mean 0 and standard deviation 1.
struct Normalisation {
    float mean = 0, deviation = 1;  // of pixels scaled to 0..1

    float operator()(std::uint8_t pixel) const {
        return (static_cast<float>(pixel) / 255.0F - mean) / deviation;
    }
};

// Of all pixels of `data`. The deviation of images that are all alike is taken as 1.
Normalisation normalisation_of(const Dataset& data);

struct Batch {
    std::vector<float> images;  // [n][C][height][width]; [n][1][height][width], normalised, of IDX files
    std::vector<std::int32_t> labels;

    int size() const { return static_cast<int>(labels.size()); }
};

// Images `indices` of `data`, in that order.
Batch gather(const Dataset& data, const Normalisation& normalisation, std::span<const std::uint32_t> indices);

// An endless sequence of indices below `count`: every epoch holds each once, in an order of its own that
// depends on the seed alone or, without one, in the order that they have.
class Indices {
  public:
    // Throws Error(invalid_argument) for a count below 1.
    Indices(int count, std::optional<std::uint64_t> seed);

    // The next `size` indices; a batch may reach into the next epoch.
    std::vector<std::uint32_t> next(int size);

  private:
    void begin_epoch();

    bool is_shuffled_;
    std::mt19937_64 engine_;
    std::vector<std::uint32_t> order_;
    std::size_t position_ = 0;
};

}  // namespace sparsetrain::train
