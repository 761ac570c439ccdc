// What every generator of a convolution's pipelines is told of its layer class.
#pragma once

#include <Halide.h>

#include <string>

namespace sparsetrain::generators {

template <typename T>
class ClassGenerator : public Halide::Generator<T> {
  public:
    // The key of its schedule rows.
    Halide::GeneratorParam<std::string> uarch{"uarch", ""};
    Halide::GeneratorParam<std::string> layer_class{"layer_class", ""};
    Halide::GeneratorParam<std::string> own_tiles{"tiles", ""};  // in place of the row's

    Halide::GeneratorParam<int> filter_h{"filter_h", 3};
    Halide::GeneratorParam<int> filter_w{"filter_w", 3};
    Halide::GeneratorParam<int> stride{"stride", 1};
};

}  // namespace sparsetrain::generators
