#include "sparsetrain/layout.h"

#include "checks.h"
#include "halide_interface.h"
#include "sparsetrain_nchw16c_to_nchw_f32.h"
#include "sparsetrain_nchw_to_nchw16c_f32.h"

namespace sparsetrain {

namespace {

// (pixel, c, n) and (lane, pixel, block, n).
template <typename T>
detail::Buffer<3> plain_buffer(T* data, const Shape& shape) {
    return {data, {shape.w * shape.h, shape.c, shape.n}};
}
template <typename T>
detail::Buffer<4> blocked_buffer(BasicTensorView<T> t) {
    return {t.data, {kLanes, t.shape.w * t.shape.h, channel_blocks(t.shape.c), t.shape.n}};
}

detail::Argument plain(const char* name, const float* data, const Shape& shape) {
    const std::size_t planes = static_cast<std::size_t>(shape.n) * static_cast<std::size_t>(shape.c);
    return {name, data,
            planes * static_cast<std::size_t>(shape.h) * static_cast<std::size_t>(shape.w) * sizeof(float)};
}

}  // namespace

void nchw_to_nchw16c(const float* src, TensorView dst, Workspace& workspace) {
    detail::check_shape("nchw_to_nchw16c", "dst", dst.shape);
    detail::check_tensor("nchw_to_nchw16c", "dst", dst, dst.shape);
    detail::check_pointer("nchw_to_nchw16c", "src", src, alignof(float));
    detail::check_apart("nchw_to_nchw16c", {{"dst", dst}}, {plain("src", src, dst.shape)});
    detail::call_pipeline("nchw_to_nchw16c", ::sparsetrain_nchw_to_nchw16c_f32, workspace,
                          plain_buffer(src, dst.shape), blocked_buffer(dst));
}

void nchw16c_to_nchw(ConstTensorView src, float* dst, Workspace& workspace) {
    detail::check_shape("nchw16c_to_nchw", "src", src.shape);
    detail::check_tensor("nchw16c_to_nchw", "src", src, src.shape);
    detail::check_pointer("nchw16c_to_nchw", "dst", dst, alignof(float));
    detail::check_apart("nchw16c_to_nchw", {plain("dst", dst, src.shape)}, {{"src", src}});
    detail::call_pipeline("nchw16c_to_nchw", ::sparsetrain_nchw16c_to_nchw_f32, workspace,
                          blocked_buffer(src), plain_buffer(dst, src.shape));
}

}  // namespace sparsetrain
