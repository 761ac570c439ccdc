// What ReLU is, for every generator that applies it.
#pragma once

#include <Halide.h>

namespace sparsetrain::generators {

// Whether ReLU keeps a value: it is positive, or a NaN, so that a diverged sum stays visible. On integers,
// since Halide and LLVM are free to drop NaNs from float comparisons; without `||`, on which Halide 21's
// bounds inference recurses for ever.
inline Halide::Expr relu_keeps(const Halide::Expr& value) {
    const Halide::Expr bits = Halide::reinterpret<int32_t>(value);
    const Halide::Expr above_infinity = (bits & 0x7fffffff) - 0x7f800000;
    return Halide::max(bits, above_infinity) > 0;
}

}  // namespace sparsetrain::generators
