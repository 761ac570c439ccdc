"""Convolutions of blocked tensors by weights in torch's own layout [K, C, R, S], with a ReLU or without.

`padding`: top, left, bottom, right. `is_rectified`: src_mask is that of a ReLU that made src, so that the gradient of src
comes back with that ReLU's backward applied. `site`: the number of a plans.Site, or 0. Weights in the library's own layout
last for a call: to convert them once more in the backward takes less than 2 % of a step, and all of them would add the model's
size to its peak.
"""
import torch

from ..._library import library
from ..blocked import LANES, address, blocks, dense, empty_blocked, empty_mask, require_float
from ..plans import Weights, site_of, weights_shape
from ..workspaces import workspace
from .registry import define
from .relu import Gradient, masked_gradient


def empty_master(weight):
    k, c, r, s = weight.shape
    return torch.empty((blocks(k), blocks(c), r, s, LANES, LANES))


def master_of(weight):
    """Weights in the library's layout."""
    require_float("conv", weight)
    master, weight = empty_master(weight), weight.contiguous()
    library().oihw_to_weights(weights_shape(*weight.shape), weight.data_ptr(), master.data_ptr(), workspace())
    return master


def empty_dst(src, weight, stride, padding):
    n, _, h, w, _ = src.shape
    k, _, r, s = weight.shape
    top, left, bottom, right = padding
    if h + top + bottom < r or w + left + right < s:
        raise ValueError(f"conv: expected at least {r}x{s} pixels with padding, found {h}x{w}")
    return empty_blocked(src, n, k, (h + top + bottom - r) // stride + 1, (w + left + right - s) // stride + 1)


def plan_of(site, src_size, weight_size, stride, padding):
    n, h, w = src_size
    k, c, r, s = weight_size
    return site.plan((n, c, h, w, k, r, s, stride, *padding))


def prepare(src, weight, stride, padding, site):
    n, channel_blocks, h, w, _ = src.shape
    if channel_blocks != blocks(weight.shape[1]):
        raise ValueError(f"conv: expected src of {weight.shape[1]} channels, found {channel_blocks} blocks of {LANES}")
    site = site_of(site)
    return site, plan_of(site, (n, h, w), weight.shape, stride, padding)


def _allocate_conv(src, src_mask, weight, bias, stride, padding, is_rectified, site):
    return empty_dst(src, weight, stride, padding)


def _conv(dst, src, src_mask, weight, bias, stride, padding, is_rectified, site):
    src, src_mask, bias = dense(src), dense(src_mask), dense(bias)
    site, plan = prepare(src, weight, stride, padding, site)
    with Weights(master_of(weight), weights_shape(*weight.shape)) as weights:
        site.call("conv_forward", plan.handle, address(src), address(src_mask), weights, address(bias), address(dst),
                  workspace())


def _allocate_conv_relu(src, src_mask, weight, bias, stride, padding, is_rectified, gradient, site):
    dst = empty_dst(src, weight, stride, padding)
    return dst, empty_mask(dst)


def _conv_relu(outputs, src, src_mask, weight, bias, stride, padding, is_rectified, gradient, site):
    src, src_mask, bias = dense(src), dense(src_mask), dense(bias)
    site, plan = prepare(src, weight, stride, padding, site)
    with Weights(master_of(weight), weights_shape(*weight.shape)) as weights:
        site.call("conv_forward_relu", plan.handle, address(src), address(src_mask), weights, address(bias),
                  *map(address, outputs), workspace())


def _save(ctx, inputs, dst_mask):
    src, src_mask, weight, _, ctx.stride, ctx.padding, ctx.is_rectified, *_, ctx.site = inputs
    ctx.src_size = [src.shape[0], src.shape[2], src.shape[3]]
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(src if ctx.needs_input_grad[2] else None, src_mask, weight, dst_mask)


def _save_conv(ctx, inputs, output):
    _save(ctx, inputs, None)


def _save_conv_relu(ctx, inputs, output):
    _save(ctx, inputs, output[1])
    ctx.mark_non_differentiable(output[1])
    ctx.gradient = inputs[-2]


def _gradients(ctx, diff_dst, diff_dst_mask):
    """Of src, weight and bias, as far as they are needed."""
    src, src_mask, weight, _ = ctx.saved_tensors
    needs_src, _, needs_weight, needs_bias, *_ = ctx.needs_input_grad
    diff_src = diff_weight = diff_bias = None
    diff_dst = diff_dst.contiguous()
    if needs_weight:
        diff_weight, diff_bias = torch.ops.sparsetrain.conv_backward_weights(
            src, src_mask, diff_dst, diff_dst_mask, weight, needs_bias, ctx.stride, ctx.padding, ctx.site)
    elif needs_bias:
        diff_bias = diff_dst.sum((0, 2, 3)).flatten()[:weight.shape[0]].clone()
    if needs_src:
        diff_src = torch.ops.sparsetrain.conv_backward_data(
            diff_dst, diff_dst_mask, weight, src_mask if ctx.is_rectified else None, ctx.src_size,
            ctx.stride, ctx.padding, ctx.site)
    return diff_src, None, diff_weight, diff_bias if needs_bias else None


def _backward_conv(ctx, diff_dst):
    if diff_dst is None:
        return (None,) * 8
    return *_gradients(ctx, diff_dst, None), None, None, None, None


def _backward_conv_relu(ctx, diff_dst, _):
    if diff_dst is None:
        return (None,) * 9
    _, _, weight, mask = ctx.saved_tensors
    diff_dst = masked_gradient(diff_dst, mask, weight.shape[0], ctx.gradient)
    known = None if ctx.gradient == Gradient.SPARSER else mask
    return *_gradients(ctx, diff_dst, known), None, None, None, None, None


def _allocate_backward_data(diff_dst, diff_dst_mask, weight, relu_mask, src_size, stride, padding, site):
    n, h, w = src_size
    return empty_blocked(diff_dst, n, weight.shape[1], h, w)


def _backward_data(diff_src, diff_dst, diff_dst_mask, weight, relu_mask, src_size, stride, padding, site):
    diff_dst, diff_dst_mask, relu_mask = map(dense, (diff_dst, diff_dst_mask, relu_mask))
    site = site_of(site)
    plan = plan_of(site, src_size, weight.shape, stride, padding)
    with Weights(master_of(weight), weights_shape(*weight.shape)) as weights:
        site.call("conv_backward_data", plan.handle, address(diff_dst), address(diff_dst_mask), weights, address(diff_src),
                  address(relu_mask), workspace())


def _allocate_backward_weights(src, src_mask, diff_dst, diff_dst_mask, weight, needs_bias, stride, padding, site):
    return torch.empty_like(weight), weight.new_empty((weight.shape[0] if needs_bias else 0,))


def _backward_weights(outputs, src, src_mask, diff_dst, diff_dst_mask, weight, needs_bias, stride, padding, site):
    diff_weight, diff_bias = outputs
    src, src_mask, diff_dst, diff_dst_mask = map(dense, (src, src_mask, diff_dst, diff_dst_mask))
    site, plan = prepare(src, weight, stride, padding, site)
    master = empty_master(weight)
    site.call("conv_backward_weights", plan.handle, address(src), address(src_mask), address(diff_dst), address(diff_dst_mask),
              address(master), address(diff_bias) if needs_bias else None, workspace())
    plain_from_master(diff_weight, master)


def plain_from_master(plain, master):
    """`plain` has torch's shape, and any strides."""
    target = plain if plain.is_contiguous() else torch.empty(plain.shape)
    library().weights_to_oihw(weights_shape(*plain.shape), address(master), address(target), workspace())
    if target is not plain:
        plain.copy_(target)


CONV = "Tensor src, Tensor? src_mask, Tensor weight, Tensor? bias, int stride, int[] padding, bool is_rectified"
define(f"conv({CONV}, int site) -> Tensor", _allocate_conv, _conv, _save_conv, _backward_conv)
define(f"conv_relu({CONV}, int gradient, int site) -> (Tensor, Tensor)", _allocate_conv_relu, _conv_relu,
       _save_conv_relu, _backward_conv_relu)
define("conv_backward_data(Tensor diff_dst, Tensor? diff_dst_mask, Tensor weight, Tensor? relu_mask, "
       "SymInt[] src_size, int stride, int[] padding, int site) -> Tensor", _allocate_backward_data, _backward_data)
define("conv_backward_weights(Tensor src, Tensor? src_mask, Tensor diff_dst, Tensor? diff_dst_mask, Tensor weight, "
       "bool needs_bias, int stride, int[] padding, int site) -> (Tensor, Tensor)", _allocate_backward_weights,
       _backward_weights)
