// What a plan is refused for that pipelines could not run.
#pragma once

#include "layer_class.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain::detail {

// Throws Error(unsupported) unless pipelines can allocate what every pass of a plan needs, by any kernel that
// it may choose and on any number of threads, and index its packed weights.
void check_scratch(const LayerClass& layer_class, const ConvShape& shape, Policy policy);

// About what the passes of a plan allocate at one time, at most, on so many threads, in bytes.
double scratch_bytes(const LayerClass& layer_class, const ConvShape& shape, Policy policy, int threads);

}  // namespace sparsetrain::detail
