#include "sparsetrain/layout.h"

#include "checks.h"
#include "halide_interface.h"
#include "sparsetrain_nchw16c_to_nchw_f32.h"
#include "sparsetrain_nchw16c_to_nhwc_f32.h"
#include "sparsetrain_nchw_to_nchw16c_f32.h"
#include "sparsetrain_nhwc_to_nchw16c_f32.h"
#include "sparsetrain_oihw_to_weights_f32.h"
#include "sparsetrain_weights_to_oihw_f32.h"

namespace sparsetrain {

namespace {

// (pixel, c, n), (c, pixel, n) and (lane, pixel, block, n).
detail::Buffer<3> nchw_buffer(const float* data, const Shape& shape) {
    return {data, {shape.w * shape.h, shape.c, shape.n}};
}
detail::Buffer<3> nhwc_buffer(const float* data, const Shape& shape) {
    return {data, {shape.c, shape.w * shape.h, shape.n}};
}
detail::Buffer<4> blocked_buffer(ConstTensorView t) {
    return {t.data, {kLanes, t.shape.w * t.shape.h, channel_blocks(t.shape.c), t.shape.n}};
}

// (tap, c, k) and (k lane, c lane, tap, c block, k block).
detail::Buffer<3> oihw_buffer(const float* data, const WeightsShape& shape) {
    return {data, {shape.r * shape.s, shape.c, shape.k}};
}
detail::Buffer<5> master_buffer(ConstWeightsView w) {
    return {w.data,
            {kLanes, kLanes, w.shape.r * w.shape.s, channel_blocks(w.shape.c), channel_blocks(w.shape.k)}};
}

std::size_t plain_elements(const Shape& shape) {
    return static_cast<std::size_t>(shape.n) * static_cast<std::size_t>(shape.c) *
           static_cast<std::size_t>(shape.h) * static_cast<std::size_t>(shape.w);
}
std::size_t plain_elements(const WeightsShape& shape) {
    return static_cast<std::size_t>(shape.k) * static_cast<std::size_t>(shape.c) *
           static_cast<std::size_t>(shape.r) * static_cast<std::size_t>(shape.s);
}

void check_layout(const char* function, const char* argument, ConstTensorView view) {
    detail::check_tensor(function, argument, view, view.shape);
}
void check_layout(const char* function, const char* argument, ConstWeightsView view) {
    detail::check_weights(function, argument, view, view.shape);
}

// Of a plain array and one of the library's: `plain` is the output, or `blocked` is.
enum class Output { plain, blocked };

template <typename View>
void check(const char* function, const float* plain, const View& blocked, Output output) {
    const char* const blocked_name = output == Output::blocked ? "dst" : "src";
    const char* const plain_name = output == Output::blocked ? "src" : "dst";
    detail::check_shape(function, blocked_name, blocked.shape);
    check_layout(function, blocked_name, blocked);
    detail::check_pointer(function, plain_name, plain, alignof(float));
    const detail::Argument of_blocked(blocked_name, blocked);
    const detail::Argument of_plain(plain_name, plain, plain_elements(blocked.shape) * sizeof(float));
    if (output == Output::blocked) {
        detail::check_apart(function, {of_blocked}, {of_plain});
    } else {
        detail::check_apart(function, {of_plain}, {of_blocked});
    }
}

}  // namespace

void nchw_to_nchw16c(const float* src, TensorView dst, Workspace& workspace) {
    check("nchw_to_nchw16c", src, dst, Output::blocked);
    detail::call_pipeline("nchw_to_nchw16c", ::sparsetrain_nchw_to_nchw16c_f32, workspace,
                          nchw_buffer(src, dst.shape), blocked_buffer(dst));
}

void nchw16c_to_nchw(ConstTensorView src, float* dst, Workspace& workspace) {
    check("nchw16c_to_nchw", dst, src, Output::plain);
    detail::call_pipeline("nchw16c_to_nchw", ::sparsetrain_nchw16c_to_nchw_f32, workspace,
                          blocked_buffer(src), nchw_buffer(dst, src.shape));
}

void nhwc_to_nchw16c(const float* src, TensorView dst, Workspace& workspace) {
    check("nhwc_to_nchw16c", src, dst, Output::blocked);
    detail::call_pipeline("nhwc_to_nchw16c", ::sparsetrain_nhwc_to_nchw16c_f32, workspace,
                          nhwc_buffer(src, dst.shape), blocked_buffer(dst));
}

void nchw16c_to_nhwc(ConstTensorView src, float* dst, Workspace& workspace) {
    check("nchw16c_to_nhwc", dst, src, Output::plain);
    detail::call_pipeline("nchw16c_to_nhwc", ::sparsetrain_nchw16c_to_nhwc_f32, workspace,
                          blocked_buffer(src), nhwc_buffer(dst, src.shape));
}

void oihw_to_weights(const float* src, WeightsView dst, Workspace& workspace) {
    check("oihw_to_weights", src, dst, Output::blocked);
    detail::call_pipeline("oihw_to_weights", ::sparsetrain_oihw_to_weights_f32, workspace,
                          oihw_buffer(src, dst.shape), master_buffer(dst));
}

void weights_to_oihw(ConstWeightsView src, float* dst, Workspace& workspace) {
    check("weights_to_oihw", dst, src, Output::plain);
    detail::call_pipeline("weights_to_oihw", ::sparsetrain_weights_to_oihw_f32, workspace, master_buffer(src),
                          oihw_buffer(dst, src.shape));
}

}  // namespace sparsetrain
