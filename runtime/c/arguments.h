// What C callers hand over, as the C++ API takes it: checked for null pointers and numbers that are none.
#pragma once

#include <cstddef>
#include <span>

#include "sparsetrain/c/conv2d.h"
#include "sparsetrain/conv2d.h"
#include "sparsetrain/tensor.h"
#include "sparsetrain/workspace.h"

struct sparsetrain_workspace {
    sparsetrain::Workspace value;
};

namespace sparsetrain::c {

// What `pointer` points to. Throws Error(invalid_argument) if it is null.
[[noreturn]] void throw_null(const char* function, const char* argument);
template <typename T>
T& deref(const char* function, const char* argument, T* pointer) {
    if (pointer == nullptr) throw_null(function, argument);
    return *pointer;
}
inline Workspace& deref(const char* function, sparsetrain_workspace* workspace) {
    return deref<sparsetrain_workspace>(function, "workspace", workspace).value;
}

// `value`, if it is one of the `count` numbers from 0 on. Throws Error(invalid_argument) otherwise.
int checked_number(const char* function, const char* argument, int value, int count);

// Of sizes that memory can have. Each throws Error(invalid_argument) otherwise.
Shape checked(const char* function, const char* argument, const sparsetrain_shape* shape);
WeightsShape checked(const char* function, const char* argument, const sparsetrain_weights_shape* shape);
// And that there are kernels for; Error(unsupported) otherwise.
ConvShape checked(const char* function, const char* argument, const sparsetrain_conv_shape* shape);
// Not checked, but for null.
ConvShape unchecked(const char* function, const char* argument, const sparsetrain_conv_shape* shape);

sparsetrain_shape to_c(const Shape& shape);
sparsetrain_weights_shape to_c(const WeightsShape& shape);
sparsetrain_conv_shape to_c(const ConvShape& shape);

// A mask that is read, or, if `mask` is null, none.
ConstMaskView read_mask(const char* function, const char* argument, sparsetrain_mask* mask,
                        const Shape& shape);
// A mask that is written, whatever is in its memory; or none.
MaskView written_mask(const char* function, const char* argument, sparsetrain_mask* mask, const Shape& shape);

// `count` values, or, if `values` is null, none.
template <typename T>
std::span<T> values_if_any(T* values, std::size_t count) {
    return values == nullptr ? std::span<T>() : std::span<T>(values, count);
}

}  // namespace sparsetrain::c
