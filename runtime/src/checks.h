// Argument checks shared by every public call. Each throws Error(invalid_argument) whose message reads
// "<function>: <argument>: expected <what the call needs>, given <what it got>".
#pragma once

#include <cstddef>
#include <string>

#include "sparsetrain/tensor.h"

namespace sparsetrain::detail {

std::string to_text(const Shape& shape);         // "N2 C64 H56 W56"
std::string to_text(const WeightsShape& shape);  // "K64 C64 R3 S3"

[[noreturn]] void throw_invalid(const char* function, const char* argument, const std::string& expected,
                                const std::string& given);

// At least `minimum`.
void check_at_least(const char* function, const char* argument, int minimum, int given);

// Every size is at least 1, and the padded tensor has fewer elements than pipelines can index (2^31).
void check_shape(const char* function, const char* argument, const Shape& shape);
void check_shape(const char* function, const char* argument, const WeightsShape& shape);

// Not null and a multiple of `alignment` bytes.
void check_pointer(const char* function, const char* argument, const void* pointer,
                   std::size_t alignment = kAlignment);

// `given` elements where the call needs `expected`.
void check_count(const char* function, const char* argument, std::size_t expected, std::size_t given);

// Layout, shape and pointer of a view. check_tensor takes mutable views too, as they convert.
void check_tensor(const char* function, const char* argument, ConstTensorView view, const Shape& expected);
void check_mask(const char* function, const char* argument, ConstMaskView view, const Shape& expected);
void check_weights(const char* function, const char* argument, ConstWeightsView view,
                   const WeightsShape& expected);

// A tensor and, unless its view says "no mask", the mask beside it (named "<argument> mask"). Without NDEBUG
// also that the mask is not stale: that no value other than zero has a clear bit.
void check_sparse(const char* function, const char* argument, const SparseInput& input,
                  const Shape& expected);

}  // namespace sparsetrain::detail
