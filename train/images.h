// Labelled images as networks take them: floats of a size and with channels of one's choice.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "train/dataset.h"
#include "train/tensors_file.h"

namespace sparsetrain::train {

// Of an image: height and width, and channels.
struct ImageFormat {
    int size = 0, channels = 1;
};

class Images {
  public:
    virtual ~Images() = default;

    virtual int count() const = 0;
    // Images `indices`, in that order: [n][C][size][size], as `format` says.
    virtual Batch batch(std::span<const std::uint32_t> indices, const ImageFormat& format) const = 0;

    // Images first to first + count - 1, fewer where the data end before.
    Batch consecutive(int first, int count, const ImageFormat& format) const;
};

// What there is to train on, and to test with.
struct TrainingData {
    std::unique_ptr<Images> train, test;
    ImageFormat format;       // that the images have
    int classes = 0;          // labels are below
    bool is_shuffled = true;  // or taken in order
};

// By the name of a DataSource, from `directory` or, if that is empty, from where it usually is; or from
// "tensors:FILE.safetensors", which are tested with what was trained on. Throws what loading throws, and
// Error(invalid_argument) for another name.
TrainingData load_data(const std::string& data, const std::string& directory);

// What is wrong with the name; empty if nothing is.
std::string check_data_name(const std::string& data);

// Planes of [height][width] enlarged or reduced to [size][size], bilinear, pixels taken as squares (PyTorch's
// interpolate with align_corners=False). Those that have the size are copied.
void resize_plane(std::span<const float> plane, int height, int width, int size, std::vector<float>& to);

}  // namespace sparsetrain::train
