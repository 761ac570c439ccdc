// The networks that the `sparsetrain` program trains.
#pragma once

#include <cstdint>
#include <span>

#include "train/graph.h"
#include "train/named.h"
#include "train/operators/convolution.h"

namespace sparsetrain::train {

struct ModelOptions {
    int channels = 3;      // of images
    int image_size = 224;  // height and width
    int classes = 1000;
    KernelOptions kernels = Policy::automatic;  // of all convolutions but the first, which always runs dense
    float dropout = 0.5F;                       // of networks that have it
    std::uint32_t seed = 1;                     // of what dropout drops
};

// Parameters have torchvision's names, shapes and initialisation unless their header says otherwise. Throws
// Error(invalid_argument) for images smaller than `least_image_size`.
struct Model {
    const char* name;
    Graph (*make)(const ModelOptions& options);
    int least_image_size;
    int channels;  // that its images have; those of data with fewer are repeated
};

// All of them.
std::span<const Model> models();

}  // namespace sparsetrain::train
