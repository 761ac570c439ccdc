// ResNet v1.5: batch normalisation, the stride of a bottleneck on its 3x3 (He et al. 2015; torchvision's).
#pragma once

#include "train/models/models.h"

namespace sparsetrain::train {

Graph resnet18(const ModelOptions& options);
Graph resnet34(const ModelOptions& options);
Graph resnet50(const ModelOptions& options);

}  // namespace sparsetrain::train
