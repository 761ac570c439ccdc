#include "arguments.h"

#include <atomic>
#include <cstdint>
#include <string>

#include "checks.h"
#include "conv_class.h"

namespace sparsetrain::c {

namespace {

// The library counts the bits of masks that threads may share.
using Count = std::atomic<std::int64_t>;
static_assert(sizeof(Count) == sizeof(std::int64_t) && alignof(Count) == alignof(std::int64_t) &&
              Count::is_always_lock_free);
static_assert(sizeof(sparsetrain_mask) == kAlignment);

MaskView mask_view(const char* function, const char* argument, sparsetrain_mask* mask, const Shape& shape) {
    if (mask == nullptr) return {nullptr, shape};
    detail::check_pointer(function, argument, mask);
    return {reinterpret_cast<std::uint16_t*>(mask + 1), shape, reinterpret_cast<Count*>(&mask->set_bits)};
}

}  // namespace

void throw_null(const char* function, const char* argument) {
    detail::throw_invalid(function, argument, "a pointer", "a null pointer");
}

int checked_number(const char* function, const char* argument, int value, int count) {
    if (value < 0 || value >= count)
        detail::throw_invalid(function, argument, "from 0 to " + std::to_string(count - 1),
                              std::to_string(value));
    return value;
}

Shape checked(const char* function, const char* argument, const sparsetrain_shape* shape) {
    const sparsetrain_shape& given = deref(function, argument, shape);
    const Shape result{given.n, given.c, given.h, given.w};
    detail::check_shape(function, argument, result);
    return result;
}

WeightsShape checked(const char* function, const char* argument, const sparsetrain_weights_shape* shape) {
    const sparsetrain_weights_shape& given = deref(function, argument, shape);
    const WeightsShape result{given.k, given.c, given.r, given.s};
    detail::check_shape(function, argument, result);
    return result;
}

ConvShape unchecked(const char* function, const char* argument, const sparsetrain_conv_shape* shape) {
    const sparsetrain_conv_shape& given = deref(function, argument, shape);
    return {.src = {given.src.n, given.src.c, given.src.h, given.src.w},
            .k = given.k,
            .filter_h = given.filter_h,
            .filter_w = given.filter_w,
            .stride = given.stride,
            .padding = {given.top, given.left, given.bottom, given.right}};
}

ConvShape checked(const char* function, const char* argument, const sparsetrain_conv_shape* shape) {
    const ConvShape result = unchecked(function, argument, shape);
    detail::find_class_of(result);
    return result;
}

sparsetrain_shape to_c(const Shape& shape) {
    return {shape.n, shape.c, shape.h, shape.w};
}

sparsetrain_weights_shape to_c(const WeightsShape& shape) {
    return {shape.k, shape.c, shape.r, shape.s};
}

sparsetrain_conv_shape to_c(const ConvShape& shape) {
    return {to_c(shape.src),    shape.k,           shape.filter_h,     shape.filter_w,
            shape.stride,       shape.padding.top, shape.padding.left, shape.padding.bottom,
            shape.padding.right};
}

ConstMaskView read_mask(const char* function, const char* argument, sparsetrain_mask* mask,
                        const Shape& shape) {
    return mask_view(function, argument, mask, shape);
}

MaskView written_mask(const char* function, const char* argument, sparsetrain_mask* mask,
                      const Shape& shape) {
    const MaskView view = mask_view(function, argument, mask, shape);
    view.mark_changed();
    return view;
}

}  // namespace sparsetrain::c
