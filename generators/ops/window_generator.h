// What generators of pools with windows share.
#pragma once

#include <Halide.h>

namespace sparsetrain::generators {

// What the generator of every pool with windows is told of them, before its buffers.
template <typename T>
class WindowGenerator : public Halide::Generator<T> {
  public:
    Halide::GeneratorInput<int> height{"height"}, width{"width"}, stride_y{"stride_y"}, stride_x{"stride_x"};
    Halide::GeneratorInput<int> top{"top"}, left{"left"};
};

}  // namespace sparsetrain::generators
