// VGG: 3x3 convolutions with bias and ReLU, max pools, linear layers (Simonyan, Zisserman 2014).
#pragma once

#include "train/models/models.h"

namespace sparsetrain::train {

// Seven convolutions of 64 to 256 channels, "conv1" to "conv7", two max pools and a linear layer, "fc", made
// for 28x28 images of one channel. Convolutions begin uniform as He et al. say (fan_in), fc uniform of
// variance 1 / inputs, which keeps logits small.
Graph vgg_small(const ModelOptions& options);

// Configuration D.
Graph vgg16(const ModelOptions& options);

}  // namespace sparsetrain::train
