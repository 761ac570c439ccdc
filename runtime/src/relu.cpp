#include "sparsetrain/relu.h"

#include "checks.h"
#include "flat_buffers.h"
#include "mask_bits.h"
#include "sparsetrain_occupancy_mask_f32.h"
#include "sparsetrain_relu_backward_f32.h"
#include "sparsetrain_relu_forward_f32.h"

namespace sparsetrain {

using detail::PixelMaskBuffer;
using detail::PixelsBuffer;
using detail::unless_in_place;

void relu_forward(ConstTensorView src, TensorView dst, MaskView dst_mask, Workspace& workspace) {
    detail::check_shape("relu_forward", "src", src.shape);
    detail::check_tensor("relu_forward", "src", src, src.shape);
    detail::check_tensor("relu_forward", "dst", dst, src.shape);
    detail::check_mask("relu_forward", "dst_mask", dst_mask, src.shape);
    detail::check_apart("relu_forward", {{"dst", dst}, {"dst_mask", dst_mask}},
                        {unless_in_place("src", src, dst)});
    detail::call_pipeline("relu_forward", ::sparsetrain_relu_forward_f32, workspace, PixelsBuffer(src),
                          PixelsBuffer(dst), PixelMaskBuffer(dst_mask));
    detail::keep_set_bits("relu_forward", dst_mask, workspace);
}

void relu_backward(ConstTensorView diff_dst, ConstMaskView mask, TensorView diff_src, Workspace& workspace) {
    detail::check_shape("relu_backward", "diff_dst", diff_dst.shape);
    detail::check_tensor("relu_backward", "diff_dst", diff_dst, diff_dst.shape);
    detail::check_mask("relu_backward", "mask", mask, diff_dst.shape);
    detail::check_tensor("relu_backward", "diff_src", diff_src, diff_dst.shape);
    detail::check_apart("relu_backward", {{"diff_src", diff_src}},
                        {unless_in_place("diff_dst", diff_dst, diff_src), {"mask", mask}});
    detail::call_pipeline("relu_backward", ::sparsetrain_relu_backward_f32, workspace, PixelsBuffer(diff_dst),
                          PixelMaskBuffer(mask), PixelsBuffer(diff_src));
}

void occupancy_mask(ConstTensorView tensor, MaskView mask, Workspace& workspace) {
    detail::check_shape("occupancy_mask", "tensor", tensor.shape);
    detail::check_tensor("occupancy_mask", "tensor", tensor, tensor.shape);
    detail::check_mask("occupancy_mask", "mask", mask, tensor.shape);
    detail::check_apart("occupancy_mask", {{"mask", mask}}, {{"tensor", tensor}});
    detail::call_pipeline("occupancy_mask", ::sparsetrain_occupancy_mask_f32, workspace, PixelsBuffer(tensor),
                          PixelMaskBuffer(mask));
    detail::keep_set_bits("occupancy_mask", mask, workspace);
}

}  // namespace sparsetrain
