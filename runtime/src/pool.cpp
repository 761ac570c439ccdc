#include "sparsetrain/pool.h"

#include <limits>
#include <string>
#include <tuple>
#include <utility>

#include "checks.h"
#include "flat_buffers.h"
#include "mask_bits.h"
#include "sparsetrain_adaptive_average_pool_backward_f32.h"
#include "sparsetrain_adaptive_average_pool_forward_f32.h"
#include "sparsetrain_average_pool_backward_f32.h"
#include "sparsetrain_average_pool_forward_f32.h"
#include "sparsetrain_global_average_pool_backward_masked_f32.h"
#include "sparsetrain_global_average_pool_backward_plain_f32.h"
#include "sparsetrain_global_average_pool_forward_f32.h"
#include "sparsetrain_max_pool_backward_masked_2x2_f32.h"
#include "sparsetrain_max_pool_backward_masked_3x3_f32.h"
#include "sparsetrain_max_pool_backward_masked_any_f32.h"
#include "sparsetrain_max_pool_backward_plain_2x2_f32.h"
#include "sparsetrain_max_pool_backward_plain_3x3_f32.h"
#include "sparsetrain_max_pool_backward_plain_any_f32.h"
#include "sparsetrain_max_pool_forward_2x2_f32.h"
#include "sparsetrain_max_pool_forward_3x3_f32.h"
#include "sparsetrain_max_pool_forward_any_f32.h"

namespace sparsetrain {

using detail::check_tensor;
using detail::PlanesBuffer;
using detail::PlaneWordsBuffer;
using detail::throw_invalid;

namespace {

constexpr int kMostTaps = 256;  // a choice is a byte

int pooled(int extent, int size, int stride, int before, int after) {
    return (extent + before + after - size) / stride + 1;
}

// Of one axis: `length` is "height" or "width".
struct Axis {
    const char *length, *stride_name;
    int extent, size, stride, before, after;
};

void check_axis(const char* function, const Axis& axis) {
    detail::check_at_least(function, axis.length, 1, axis.size);
    detail::check_at_least(function, axis.stride_name, 1, axis.stride);
    for (const int padding : {axis.before, axis.after}) {
        if (padding >= 0 && padding < axis.size) continue;
        throw_invalid(function, "window.padding",
                      "at least 0 and less than the window's " + std::to_string(axis.size),
                      std::to_string(padding));
    }
    const long padded = long{axis.extent} + axis.before + axis.after;
    if (axis.size > padded)
        throw_invalid(function, axis.length,
                      "at most the " + std::to_string(padded) + " of src with its padding",
                      std::to_string(axis.size));
    // Pipelines index with 32 bits.
    constexpr long kMost = std::numeric_limits<int>::max();
    if (padded + axis.size + axis.stride > kMost)
        throw_invalid(function, "window", "sizes, strides and padding whose sum is below 2^31",
                      std::to_string(padded + axis.size + axis.stride));
}

void check_window(const char* function, const PoolWindow& window, const Shape& src) {
    const Padding& padding = window.padding;
    check_axis(function, {"window.height", "window.stride_y", src.h, window.height, window.stride_y,
                          padding.top, padding.bottom});
    if (long{window.height} * window.width > std::numeric_limits<int>::max())
        throw_invalid(function, "window", "fewer than 2^31 taps",
                      std::to_string(long{window.height} * window.width));
    check_axis(function, {"window.width", "window.stride_x", src.w, window.width, window.stride_x,
                          padding.left, padding.right});
}

// The shapes of a pool; `src` and `dst` are what the two tensors are called.
void check_pool(const char* function, const PoolWindow& window, const char* src_name, ConstTensorView src,
                const char* dst_name, ConstTensorView dst) {
    detail::check_shape(function, src_name, src.shape);
    check_tensor(function, src_name, src, src.shape);
    check_window(function, window, src.shape);
    const Shape pooled = window.dst(src.shape);
    detail::check_shape(function, dst_name, pooled);
    check_tensor(function, dst_name, dst, pooled);
}

void check_choice(const char* function, const PoolWindow& window, std::span<const std::uint8_t> choice,
                  const Shape& dst) {
    const long taps = long{window.height} * window.width;
    if (taps > kMostTaps)
        throw_invalid(function, "window", "at most " + std::to_string(kMostTaps) + " taps",
                      std::to_string(taps));
    detail::check_count(function, "choice", dst.elements(), choice.size());
    detail::check_pointer(function, "choice", choice.data());
}

// (lane, x, y, plane).
struct ChoiceBuffer : detail::Buffer<4> {
    ChoiceBuffer(std::span<const std::uint8_t> choice, const Shape& dst)
        : Buffer<4>(choice.data(), {kLanes, dst.w, dst.h, dst.n * channel_blocks(dst.c)}) {}
};

template <typename Pipeline, typename... Arguments>
void call_with_window(const char* function, Pipeline pipeline, Workspace& workspace, const PoolWindow& window,
                      Arguments&&... arguments) {
    detail::call_pipeline(function, pipeline, workspace, window.height, window.width, window.stride_y,
                          window.stride_x, window.padding.top, window.padding.left,
                          std::forward<Arguments>(arguments)...);
}

// The windows that have pipelines of their own, with all numbers known.
enum class Form { window_2x2, window_3x3, any };

Form form_of(const PoolWindow& window) {
    const auto is = [&](int size, int padding) {
        return window.height == size && window.width == size && window.stride_y == 2 &&
               window.stride_x == 2 && window.padding.top == padding && window.padding.left == padding;
    };
    return is(2, 0) ? Form::window_2x2 : is(3, 1) ? Form::window_3x3 : Form::any;
}

// The pipeline of a form, of those of all.
template <typename Pipeline>
Pipeline pipeline_of(const PoolWindow& window, Pipeline of_2x2, Pipeline of_3x3, Pipeline of_any) {
    switch (form_of(window)) {
        case Form::window_2x2:
            return of_2x2;
        case Form::window_3x3:
            return of_3x3;
        case Form::any:
            break;
    }
    return of_any;
}

// (lane, pixel, plane).
struct PlanePixelsBuffer : detail::Buffer<3> {
    template <typename T>
    explicit PlanePixelsBuffer(BasicTensorView<T> t)
        : Buffer<3>(t.data, {kLanes, t.shape.h * t.shape.w, t.shape.n * channel_blocks(t.shape.c)}) {}
};

// An adaptive pool's, whose dst has any height and width that a pipeline can multiply src's by.
void check_adaptive(const char* function, const char* src_name, ConstTensorView src, const char* dst_name,
                    ConstTensorView dst) {
    detail::check_shape(function, src_name, src.shape);
    check_tensor(function, src_name, src, src.shape);
    detail::check_shape(function, dst_name, dst.shape);
    check_tensor(function, dst_name, dst, {src.shape.n, src.shape.c, dst.shape.h, dst.shape.w});
    for (const auto& [length, of_src, of_dst] :
         {std::tuple{"height", src.shape.h, dst.shape.h}, std::tuple{"width", src.shape.w, dst.shape.w}}) {
        const long product = (long{of_src} + 1) * (long{of_dst} + 1);
        if (product > std::numeric_limits<int>::max())
            throw_invalid(function, dst_name,
                          std::string("a ") + length + " that makes less than 2^31 with src's " +
                              std::to_string(of_src),
                          std::to_string(of_dst));
    }
}

Shape means_of(const Shape& src) {
    return {src.n, src.c, 1, 1};
}

}  // namespace

Shape PoolWindow::dst(const Shape& src) const {
    check_window("PoolWindow::dst", *this, src);
    return {src.n, src.c, pooled(src.h, height, stride_y, padding.top, padding.bottom),
            pooled(src.w, width, stride_x, padding.left, padding.right)};
}

void max_pool_forward(ConstTensorView src, const PoolWindow& window, TensorView dst, MaskView dst_mask,
                      std::span<std::uint8_t> choice, Workspace& workspace) {
    const char* const function = "max_pool_forward";
    check_pool(function, window, "src", src, "dst", dst);
    detail::check_mask(function, "dst_mask", dst_mask, dst.shape);
    check_choice(function, window, choice, dst.shape);
    detail::check_apart(function, {{"dst", dst}, {"dst_mask", dst_mask}, {"choice", choice}}, {{"src", src}});
    call_with_window(
        function,
        pipeline_of(window, ::sparsetrain_max_pool_forward_2x2_f32, ::sparsetrain_max_pool_forward_3x3_f32,
                    ::sparsetrain_max_pool_forward_any_f32),
        workspace, window, PlanesBuffer(src), PlanesBuffer(dst), PlaneWordsBuffer(dst_mask.data, dst.shape),
        ChoiceBuffer(choice, dst.shape));
    detail::keep_set_bits(function, dst_mask, workspace);
}

void max_pool_backward(ConstTensorView diff_dst, std::span<const std::uint8_t> choice,
                       const PoolWindow& window, ConstMaskView relu_mask, TensorView diff_src,
                       MaskView diff_src_mask, Workspace& workspace) {
    const char* const function = "max_pool_backward";
    check_pool(function, window, "diff_src", diff_src, "diff_dst", diff_dst);
    detail::check_mask(function, "diff_src_mask", diff_src_mask, diff_src.shape);
    if (relu_mask) detail::check_mask(function, "relu_mask", relu_mask, diff_src.shape);
    check_choice(function, window, choice, diff_dst.shape);
    detail::check_apart(function, {{"diff_src", diff_src}, {"diff_src_mask", diff_src_mask}},
                        {{"diff_dst", diff_dst}, {"choice", choice}, {"relu_mask", relu_mask}});
    ChoiceBuffer choices(choice, diff_dst.shape);
    PlaneWordsBuffer words(diff_src_mask.data, diff_src.shape);
    if (relu_mask) {
        call_with_window(function,
                         pipeline_of(window, ::sparsetrain_max_pool_backward_masked_2x2_f32,
                                     ::sparsetrain_max_pool_backward_masked_3x3_f32,
                                     ::sparsetrain_max_pool_backward_masked_any_f32),
                         workspace, window, PlanesBuffer(diff_dst), choices, diff_src.shape.c,
                         PlaneWordsBuffer(relu_mask.data, diff_src.shape), PlanesBuffer(diff_src), words);
    } else {
        call_with_window(function,
                         pipeline_of(window, ::sparsetrain_max_pool_backward_plain_2x2_f32,
                                     ::sparsetrain_max_pool_backward_plain_3x3_f32,
                                     ::sparsetrain_max_pool_backward_plain_any_f32),
                         workspace, window, PlanesBuffer(diff_dst), choices, diff_src.shape.c,
                         PlanesBuffer(diff_src), words);
    }
    detail::keep_set_bits(function, diff_src_mask, workspace);
}

void average_pool_forward(ConstTensorView src, const PoolWindow& window, Averaged averaged, TensorView dst,
                          Workspace& workspace) {
    const char* const function = "average_pool_forward";
    check_pool(function, window, "src", src, "dst", dst);
    detail::check_apart(function, {{"dst", dst}}, {{"src", src}});
    call_with_window(function, ::sparsetrain_average_pool_forward_f32, workspace, window,
                     averaged == Averaged::all, PlanesBuffer(src), PlanesBuffer(dst));
}

void average_pool_backward(ConstTensorView diff_dst, const PoolWindow& window, Averaged averaged,
                           TensorView diff_src, Workspace& workspace) {
    const char* const function = "average_pool_backward";
    check_pool(function, window, "diff_src", diff_src, "diff_dst", diff_dst);
    detail::check_apart(function, {{"diff_src", diff_src}}, {{"diff_dst", diff_dst}});
    call_with_window(function, ::sparsetrain_average_pool_backward_f32, workspace, window,
                     averaged == Averaged::all, PlanesBuffer(diff_dst), PlanesBuffer(diff_src));
}

void adaptive_average_pool_forward(ConstTensorView src, TensorView dst, Workspace& workspace) {
    const char* const function = "adaptive_average_pool_forward";
    check_adaptive(function, "src", src, "dst", dst);
    detail::check_apart(function, {{"dst", dst}}, {{"src", src}});
    detail::call_pipeline(function, ::sparsetrain_adaptive_average_pool_forward_f32, workspace,
                          PlanesBuffer(src), PlanesBuffer(dst));
}

void adaptive_average_pool_backward(ConstTensorView diff_dst, TensorView diff_src, Workspace& workspace) {
    const char* const function = "adaptive_average_pool_backward";
    check_adaptive(function, "diff_src", diff_src, "diff_dst", diff_dst);
    detail::check_apart(function, {{"diff_src", diff_src}}, {{"diff_dst", diff_dst}});
    detail::call_pipeline(function, ::sparsetrain_adaptive_average_pool_backward_f32, workspace,
                          PlanesBuffer(diff_dst), PlanesBuffer(diff_src));
}

void global_average_pool_forward(ConstTensorView src, TensorView dst, Workspace& workspace) {
    const char* const function = "global_average_pool_forward";
    detail::check_shape(function, "src", src.shape);
    check_tensor(function, "src", src, src.shape);
    check_tensor(function, "dst", dst, means_of(src.shape));
    detail::check_apart(function, {{"dst", dst}}, {{"src", src}});
    detail::call_pipeline(function, ::sparsetrain_global_average_pool_forward_f32, workspace,
                          PlanePixelsBuffer(src), detail::PixelsBuffer(dst));
}

void global_average_pool_backward(ConstTensorView diff_dst, ConstMaskView relu_mask, TensorView diff_src,
                                  Workspace& workspace) {
    const char* const function = "global_average_pool_backward";
    detail::check_shape(function, "diff_src", diff_src.shape);
    check_tensor(function, "diff_src", diff_src, diff_src.shape);
    check_tensor(function, "diff_dst", diff_dst, means_of(diff_src.shape));
    if (relu_mask) detail::check_mask(function, "relu_mask", relu_mask, diff_src.shape);
    detail::check_apart(function, {{"diff_src", diff_src}},
                        {{"diff_dst", diff_dst}, {"relu_mask", relu_mask}});
    const Shape& shape = diff_src.shape;
    if (relu_mask) {
        detail::Buffer<2> words(relu_mask.data, {shape.h * shape.w, shape.n * channel_blocks(shape.c)});
        detail::call_pipeline(function, ::sparsetrain_global_average_pool_backward_masked_f32, workspace,
                              detail::PixelsBuffer(diff_dst), words, PlanePixelsBuffer(diff_src));
    } else {
        detail::call_pipeline(function, ::sparsetrain_global_average_pool_backward_plain_f32, workspace,
                              detail::PixelsBuffer(diff_dst), PlanePixelsBuffer(diff_src));
    }
}

}  // namespace sparsetrain
