// What every generator of a convolution's pipelines is told of its layer class.
#pragma once

#include <Halide.h>

#include <string>

namespace sparsetrain::generators {

template <typename T>
class ClassGenerator : public Halide::Generator<T> {
  public:
    Halide::GeneratorParam<std::string> isa{"isa", ""};
    Halide::GeneratorParam<std::string> tile_sizes{"tiles",
                                                   ""};  // of its schedule row, in the order of Tiles

    Halide::GeneratorParam<int> filter_h{"filter_h", 3};
    Halide::GeneratorParam<int> filter_w{"filter_w", 3};
    Halide::GeneratorParam<int> stride{"stride", 1};
};

}  // namespace sparsetrain::generators
