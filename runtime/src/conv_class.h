#pragma once

#include "layer_class.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain::detail {

// The linked layer class that computes `shape`. Throws Error(invalid_argument) for sizes that make no
// convolution and Error(unsupported) for a class that is not linked.
const LayerClass& find_class_of(const ConvShape& shape);

}  // namespace sparsetrain::detail
