// The networks that the `sparsetrain` program trains.
#pragma once

#include <cstdint>
#include <span>

#include "train/convolution.h"
#include "train/named.h"
#include "train/network.h"

namespace sparsetrain::train {

// A VGG for 28x28 images of one channel and 10 classes: seven 3x3 convolutions of 64 to 256 channels, each
// with bias and ReLU, without BatchNorm, two max pools and a fully connected layer. The first convolution
// always runs dense: it has one channel. The same seed gives the same weights on every machine.
Network vgg_small(int batch, std::uint32_t seed, KernelOptions kernels, int threads);

struct Model {
    const char* name;
    Network (*make)(int batch, std::uint32_t seed, KernelOptions kernels, int threads);
};

// All of them.
std::span<const Model> models();

}  // namespace sparsetrain::train
