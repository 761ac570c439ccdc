#include "checks.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <utility>

#include "sparsetrain/error.h"

namespace sparsetrain::detail {

namespace {

// In double, as sizes that are refused may overflow the integers that valid ones fit.
double padded(int channels) {
    return std::ceil(static_cast<double>(channels) / kLanes) * kLanes;
}

void check_indexable(const char* function, const char* argument, double elements, const std::string& given) {
    if (elements > std::numeric_limits<std::int32_t>::max())
        throw_invalid(function, argument, "fewer than 2^31 elements", given);
}

std::string join(std::initializer_list<std::pair<char, int>> sizes) {
    std::string text;
    for (const auto& [name, size] : sizes) {
        if (!text.empty()) text += ' ';
        text += name;
        text += std::to_string(size);
    }
    return text;
}

template <typename AnyShape>
void check_same(const char* function, const char* argument, const AnyShape& expected, const AnyShape& given) {
    if (given != expected) throw_invalid(function, argument, to_text(expected), to_text(given));
}

#ifndef NDEBUG
// A clear bit over a value that is not zero: the mask belongs to older values, and kernels would drop this
// one.
void check_mask_covers(const char* function, const char* argument, const SparseInput& input) {
    for (std::size_t i = 0; i < input.tensor.shape.elements(); ++i) {
        if (input.tensor.data[i] == 0.0f || (input.mask.data[i / kLanes] >> (i % kLanes) & 1) != 0) continue;
        throw_invalid(function, argument, "a bit for every value that is not zero",
                      "a clear bit for element " + std::to_string(i) + " of the tensor");
    }
}
#endif

}  // namespace

std::string to_text(const Shape& shape) {
    return join({{'N', shape.n}, {'C', shape.c}, {'H', shape.h}, {'W', shape.w}});
}

std::string to_text(const WeightsShape& shape) {
    return join({{'K', shape.k}, {'C', shape.c}, {'R', shape.r}, {'S', shape.s}});
}

std::string to_text(float value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", static_cast<double>(value));
    return text;
}

void throw_invalid(const char* function, const char* argument, const std::string& expected,
                   const std::string& given) {
    throw Error(ErrorCode::invalid_argument,
                std::string(function) + ": " + argument + ": expected " + expected + ", given " + given);
}

void check_not_moved(const char* owner, const void* state) {
    if (state != nullptr) return;
    throw Error(ErrorCode::invalid_argument,
                std::string(owner) + ": expected an object with a value, given one that was moved from");
}

void check_at_least(const char* function, const char* argument, int minimum, int given) {
    if (given < minimum)
        throw_invalid(function, argument, "at least " + std::to_string(minimum), std::to_string(given));
}

void check_shape(const char* function, const char* argument, const Shape& shape) {
    if (shape.n < 1 || shape.c < 1 || shape.h < 1 || shape.w < 1)
        throw_invalid(function, argument, "sizes of at least 1", to_text(shape));
    const double elements = static_cast<double>(shape.n) * padded(shape.c) * shape.h * shape.w;
    check_indexable(function, argument, elements, to_text(shape));
}

void check_shape(const char* function, const char* argument, const WeightsShape& shape) {
    if (shape.k < 1 || shape.c < 1 || shape.r < 1 || shape.s < 1)
        throw_invalid(function, argument, "sizes of at least 1", to_text(shape));
    const double elements = padded(shape.k) * padded(shape.c) * shape.r * shape.s;
    check_indexable(function, argument, elements, to_text(shape));
}

void check_pointer(const char* function, const char* argument, const void* pointer, std::size_t alignment) {
    const std::string expected = "a pointer aligned to " + std::to_string(alignment) + " bytes";
    if (pointer == nullptr) throw_invalid(function, argument, expected, "a null pointer");
    const auto offset = reinterpret_cast<std::uintptr_t>(pointer) % alignment;
    if (offset != 0)
        throw_invalid(function, argument, expected, "one that is " + std::to_string(offset) + " bytes off");
}

void check_count(const char* function, const char* argument, std::size_t expected, std::size_t given) {
    if (given != expected)
        throw_invalid(function, argument, std::to_string(expected) + " elements", std::to_string(given));
}

void check_tensor(const char* function, const char* argument, ConstTensorView view, const Shape& expected) {
    if (view.layout != Layout::nchw16c)
        throw_invalid(function, argument, "layout nchw16c",
                      "layout value " + std::to_string(static_cast<int>(view.layout)));
    check_same(function, argument, expected, view.shape);
    check_pointer(function, argument, view.data);
}

void check_mask(const char* function, const char* argument, ConstMaskView view, const Shape& expected) {
    check_same(function, argument, expected, view.shape);
    check_pointer(function, argument, view.data);
}

void check_weights(const char* function, const char* argument, ConstWeightsView view,
                   const WeightsShape& expected) {
    check_same(function, argument, expected, view.shape);
    check_pointer(function, argument, view.data);
}

namespace {

bool overlap(const Argument& a, const Argument& b) {
    const auto begin_a = reinterpret_cast<std::uintptr_t>(a.data),
               begin_b = reinterpret_cast<std::uintptr_t>(b.data);
    return begin_a < begin_b + b.bytes && begin_b < begin_a + a.bytes;
}

}  // namespace

void check_apart(const char* function, std::initializer_list<Argument> outputs,
                 std::initializer_list<Argument> inputs) {
    for (auto output = outputs.begin(); output != outputs.end(); ++output) {
        const auto check = [&](const Argument& other) {
            if (overlap(*output, other))
                throw_invalid(function, output->name, std::string("memory apart from that of ") + other.name,
                              "memory that overlaps it");
        };
        std::for_each(outputs.begin(), output, check);
        std::for_each(inputs.begin(), inputs.end(), check);
    }
}

void check_sparse(const char* function, const char* argument, const SparseInput& input,
                  const Shape& expected) {
    check_tensor(function, argument, input.tensor, expected);
    if (!input.mask) return;
    const std::string mask_name = std::string(argument) + " mask";
    check_mask(function, mask_name.c_str(), input.mask, expected);
#ifndef NDEBUG
    check_mask_covers(function, mask_name.c_str(), input);
#endif
}

}  // namespace sparsetrain::detail

namespace sparsetrain {

const Shape& checked_sizes(const char* owner, const Shape& shape) {
    detail::check_shape(owner, "shape", shape);
    return shape;
}

const WeightsShape& checked_sizes(const char* owner, const WeightsShape& shape) {
    detail::check_shape(owner, "shape", shape);
    return shape;
}

std::size_t checked_count(std::size_t count, std::size_t bytes) {
    const std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() / bytes;
    if (count > most)
        detail::throw_invalid("AlignedArray", "count", "at most " + std::to_string(most),
                              std::to_string(count));
    return count;
}

}  // namespace sparsetrain
