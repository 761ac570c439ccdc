// How much scratch memory pipelines allocate, as their generators have it.
#pragma once

#include "layer_class.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain::detail {

// Bytes of the largest block that a pass by `kernel`, which the class has, allocates on so many threads, or
// somewhat more; blocks whose size has a bound, well below the limit, as the sums of a chunk, may be left
// out. `shape` is that of the kernels' buffers. In double, as sizes that are refused may overflow the
// integers that valid ones fit.
double largest_scratch(const LayerClass& layer_class, const ConvShape& shape, Pass pass, Kernel kernel,
                       int threads);

}  // namespace sparsetrain::detail
