#pragma once

#include <vector>

#include "layer_class.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain::detail {

// The linked layer class that computes `shape`. Throws Error(invalid_argument) for sizes that make no
// convolution and Error(unsupported) for a class that is not linked.
const LayerClass& find_class_of(const ConvShape& shape);

// The policy, if there is such. Throws Error(invalid_argument) otherwise.
Policy checked(Policy policy);

// What a plan that was asked for `choice` keeps to, which is what the environment says. Throws
// Error(invalid_argument) if `choice` is none, and Error(unsupported) if that of the environment is.
Choice choice_of_plan(Choice choice);

// What a plan may run in a pass: of a class that has it, at least one.
std::vector<const ConvKernel*> kernels_of_plan(const LayerClass& layer_class, const ConvShape& shape,
                                               Policy policy, Pass pass);

// The same convolution with images of the shape that kernels are best at, in the same memory: where a filter
// of one pixel at stride 1 sees no neighbours, the longest rows of up to 256 pixels that are made of whole
// ones, as every row has a beginning and an end to pay for.
ConvShape shape_for_kernels(const ConvShape& shape);

}  // namespace sparsetrain::detail
