#include "sparsetrain/join.h"

#include "checks.h"
#include "flat_buffers.h"
#include "mask_bits.h"
#include "sparsetrain_add_gradients_masked_f32.h"
#include "sparsetrain_add_gradients_plain_f32.h"
#include "sparsetrain_add_relu_f32.h"

namespace sparsetrain {

using detail::PixelMaskBuffer;
using detail::PixelsBuffer;
using detail::unless_in_place;

namespace {

void check_terms(const char* function, ConstTensorView a, ConstTensorView b, const char* name,
                 TensorView result) {
    detail::check_shape(function, "a", a.shape);
    detail::check_tensor(function, "a", a, a.shape);
    detail::check_tensor(function, "b", b, a.shape);
    detail::check_tensor(function, name, result, a.shape);
}

}  // namespace

void add_relu(ConstTensorView a, ConstTensorView b, TensorView dst, MaskView dst_mask, Workspace& workspace) {
    const char* const function = "add_relu";
    check_terms(function, a, b, "dst", dst);
    detail::check_mask(function, "dst_mask", dst_mask, a.shape);
    detail::check_apart(function, {{"dst", dst}, {"dst_mask", dst_mask}},
                        {unless_in_place("a", a, dst), unless_in_place("b", b, dst)});
    detail::call_pipeline(function, ::sparsetrain_add_relu_f32, workspace, PixelsBuffer(a), PixelsBuffer(b),
                          PixelsBuffer(dst), PixelMaskBuffer(dst_mask));
    detail::keep_set_bits(function, dst_mask, workspace);
}

void add_gradients(ConstTensorView a, ConstTensorView b, ConstMaskView relu_mask, TensorView sum,
                   Workspace& workspace) {
    const char* const function = "add_gradients";
    check_terms(function, a, b, "sum", sum);
    if (relu_mask) detail::check_mask(function, "relu_mask", relu_mask, a.shape);
    detail::check_apart(
        function, {{"sum", sum}},
        {unless_in_place("a", a, sum), unless_in_place("b", b, sum), {"relu_mask", relu_mask}});
    if (relu_mask) {
        detail::call_pipeline(function, ::sparsetrain_add_gradients_masked_f32, workspace, PixelsBuffer(a),
                              PixelsBuffer(b), PixelMaskBuffer(relu_mask), PixelsBuffer(sum));
    } else {
        detail::call_pipeline(function, ::sparsetrain_add_gradients_plain_f32, workspace, PixelsBuffer(a),
                              PixelsBuffer(b), PixelsBuffer(sum));
    }
}

}  // namespace sparsetrain
