// Argument checks shared by every public call. Each throws Error(invalid_argument) whose message reads
// "<function>: <argument>: expected <what the call needs>, given <what it got>".
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>

#include "sparsetrain/tensor.h"

namespace sparsetrain::detail {

std::string to_text(const Shape& shape);         // "N2 C64 H56 W56"
std::string to_text(const WeightsShape& shape);  // "K64 C64 R3 S3"
// "0.5". (std::to_string of what is no integer would be exported by whoever links the archives.)
std::string to_text(float value);

[[noreturn]] void throw_invalid(const char* function, const char* argument, const std::string& expected,
                                const std::string& given);

// That an object of class `owner` has its `state`, which a move takes away.
void check_not_moved(const char* owner, const void* state);

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

// Memory that a call reads or writes; none for an argument that is not there.
struct Argument {
    template <typename T>
    Argument(const char* its_name, BasicTensorView<T> view)
        : Argument(its_name, view.data, view.shape.elements() * sizeof(T)) {}
    template <typename T>
    Argument(const char* its_name, BasicMaskView<T> view)
        : Argument(its_name, view.data, view ? view.shape.pixels() * sizeof(T) : 0) {}
    template <typename T>
    Argument(const char* its_name, BasicWeightsView<T> view)
        : Argument(its_name, view.data, view.shape.elements() * sizeof(T)) {}
    template <typename T>
    Argument(const char* its_name, std::span<T> values)
        : Argument(its_name, values.data(), values.size_bytes()) {}
    Argument(const char* its_name, const void* its_data, std::size_t its_bytes)
        : name(its_name), data(its_data), bytes(its_bytes) {}

    const char* name;
    const void* data;
    std::size_t bytes;
};

// No output overlaps another or an input. Where an operator may work in place, its caller leaves that input
// out.
void check_apart(const char* function, std::initializer_list<Argument> outputs,
                 std::initializer_list<Argument> inputs);

// An input that an output may be: no Argument, where it is.
inline Argument unless_in_place(const char* name, ConstTensorView input, ConstTensorView output) {
    return input.data == output.data ? Argument(name, nullptr, 0) : Argument(name, input);
}

// A tensor and, unless its view says "no mask", the mask beside it (named "<argument> mask"). Without NDEBUG
// also that the mask is not stale: that no value other than zero has a clear bit.
void check_sparse(const char* function, const char* argument, const SparseInput& input,
                  const Shape& expected);

}  // namespace sparsetrain::detail
