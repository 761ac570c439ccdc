// One pass of a Problem by a kernel of any variant of a layer class, as the library would run it.
#pragma once

#include "layer_class.h"
#include "problem.h"

namespace sparsetrain::tune {

class Runner {
  public:
    // All three outlive it. `layer_class` is one for the Problem's shape.
    Runner(bench::Problem& problem, const detail::LayerClass& layer_class, Policy policy);

    // Into the Problem's result; the first time, weights are packed before.
    void run();

  private:
    bench::Problem& problem_;
    const detail::ConvKernel& kernel_;
    ConvShape kernel_shape_;
    PackedWeights packed_;
    Workspace workspace_{1};
};

}  // namespace sparsetrain::tune
