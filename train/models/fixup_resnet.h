// ResNet-50 without normalisation: learned scalars, and initial weights that keep a deep network's changes of
// the size of a shallow one's (Fixup initialisation: Zhang, Dauphin, Ma 2019).
#pragma once

#include "train/models/models.h"

namespace sparsetrain::train {

// Parameters are called as in ResNet-50, and "layer1.0.bias1a", "bias1b", "bias2a", "bias2b", "bias3a",
// "scale", "bias3b", "layer1.0.downsample.weight", "bias1", "bias2". Scalars learn at a tenth of the rate.
Graph fixup_resnet50(const ModelOptions& options);

}  // namespace sparsetrain::train
