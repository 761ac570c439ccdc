"""Convolutions between learned scalars, dst = conv(src + before) * scale + after, as in networks without normalisation.

src keeps its zeros: the library folds the scalars into weights and bias (sparsetrain/shifted_conv.h). A scalar is a tensor of
one element, or None. All else is as of convolutions without a bias.
"""
import torch

from ..._library import library
from ..._signatures import ConvScalars
from ..blocked import address, dense, empty_blocked, empty_mask
from ..plans import Weights, site_of, weights_shape
from ..workspaces import workspace
from .convolution import empty_dst, master_of, plain_from_master, plan_of, prepare
from .registry import define
from .relu import Gradient, masked_gradient


class Folded:
    """Scalars and weights, for one call. `weights` are those that the convolution takes."""

    def __init__(self, shape, weight, before, scale, after):
        self.shape, self.weights_shape = shape, weights_shape(*weight.shape)
        self.scalars = ConvScalars(_value(before, 0.0), _value(scale, 1.0), _value(after, 0.0))
        self.master = self.weights = master_of(weight)
        if scale is not None:
            self.weights = torch.empty_like(self.master)
        self.taps = torch.empty(library().tap_sums_bytes(shape) // 4)
        self.bias = torch.empty(weight.shape[0])
        library().fold_scalars(shape, address(self.master), self.scalars, address(self.taps),
                               None if scale is None else address(self.weights), address(self.bias), workspace())

    def packed(self):
        return Weights(self.weights, self.weights_shape)


def _value(scalar, default):
    if scalar is None:
        return default
    if scalar.numel() != 1 or scalar.dtype != torch.float32:
        raise ValueError(f"shifted_conv: expected scalars of one torch.float32, found {scalar.dtype} {list(scalar.shape)}")
    return scalar.item()


def _has_borders(before, padding):
    """Whether `before` adds other sums of weights along borders than elsewhere: they are added to the convolution's result."""
    return before is not None and any(padding)


def _allocate_dst(src, src_mask, weight, before, scale, after, stride, padding, is_rectified, site):
    return empty_dst(src, weight, stride, padding)


def _shifted_conv(dst, src, src_mask, weight, before, scale, after, stride, padding, is_rectified, site):
    src, src_mask = dense(src), dense(src_mask)
    site, plan = prepare(src, weight, stride, padding, site)
    folded, has_borders = Folded(plan.shape, weight, before, scale, after), _has_borders(before, padding)
    with folded.packed() as weights:
        site.call("conv_forward", plan.handle, address(src), address(src_mask), weights,
                  None if has_borders else address(folded.bias), address(dst), workspace())
    if has_borders:
        library().add_shift(plan.shape, address(folded.taps), folded.scalars, address(dst), address(dst), workspace())


def _allocate_relu(src, src_mask, weight, before, scale, after, stride, padding, is_rectified, gradient, site):
    dst = empty_dst(src, weight, stride, padding)
    return dst, empty_mask(dst)


def _shifted_conv_relu(outputs, src, src_mask, weight, before, scale, after, stride, padding, is_rectified, gradient, site):
    src, src_mask = dense(src), dense(src_mask)
    dst, mask = map(address, outputs)
    site, plan = prepare(src, weight, stride, padding, site)
    folded, has_borders = Folded(plan.shape, weight, before, scale, after), _has_borders(before, padding)
    with folded.packed() as weights:
        inputs = plan.handle, address(src), address(src_mask), weights
        if has_borders:
            site.call("conv_forward", *inputs, None, dst, workspace())
        else:
            site.call("conv_forward_relu", *inputs, address(folded.bias), dst, mask, workspace())
    if has_borders:
        library().add_shift_relu(plan.shape, address(folded.taps), folded.scalars, dst, dst, mask, workspace())


def _save(ctx, inputs, dst_mask):
    src, src_mask, weight, *scalars, ctx.stride, ctx.padding, ctx.is_rectified = inputs[:9]
    ctx.site = inputs[-1]
    ctx.src_size = [src.shape[0], src.shape[2], src.shape[3]]
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(src if any(ctx.needs_input_grad[2:6]) else None, src_mask, weight, dst_mask, *scalars)


def _save_shifted_conv(ctx, inputs, output):
    _save(ctx, inputs, None)


def _save_shifted_conv_relu(ctx, inputs, output):
    _save(ctx, inputs, output[1])
    ctx.mark_non_differentiable(output[1])
    ctx.gradient = inputs[-2]


def _gradients(ctx, diff_dst, diff_dst_mask):
    """Of src, its mask, weight and scalars, as far as they are needed."""
    src, src_mask, weight, _, *scalars = ctx.saved_tensors
    needs_src, _, *needed = ctx.needs_input_grad[:6]
    diff_src, *found = torch.ops.sparsetrain.shifted_conv_backward(
        diff_dst.contiguous(), diff_dst_mask, src, src_mask, weight, *scalars, ctx.src_size, ctx.stride, ctx.padding,
        ctx.is_rectified, [needs_src, any(needed)], ctx.site)
    of_parameters = [gradient.view(parameter.shape) if needs else None
                     for gradient, parameter, needs in zip(found, (weight, *scalars), needed)]
    return diff_src if needs_src else None, None, *of_parameters


def _backward(ctx, diff_dst):
    if diff_dst is None:
        return (None,) * 10
    return *_gradients(ctx, diff_dst, None), None, None, None, None


def _backward_relu(ctx, diff_dst, _):
    if diff_dst is None:
        return (None,) * 11
    _, _, weight, mask, *_ = ctx.saved_tensors
    diff_dst = masked_gradient(diff_dst, mask, weight.shape[0], ctx.gradient)
    known = None if ctx.gradient == Gradient.SPARSER else mask
    return *_gradients(ctx, diff_dst, known), None, None, None, None, None


def _allocate_gradients(diff_dst, diff_dst_mask, src, src_mask, weight, before, scale, after, src_size, stride, padding,
                        is_rectified, needs, site):
    """Of src, weight and the three scalars; without elements where they are not needed."""
    n, h, w = src_size
    needs_src, needs_parameters = needs
    diff_src = empty_blocked(diff_dst, n, weight.shape[1], h, w) if needs_src else diff_dst.new_empty((0,))
    if not needs_parameters:
        return diff_src, *(weight.new_empty((0,)) for _ in range(4))
    return diff_src, torch.empty_like(weight), *(weight.new_empty((1,)) for _ in range(3))


def _compute_gradients(outputs, diff_dst, diff_dst_mask, src, src_mask, weight, before, scale, after, src_size, stride,
                       padding, is_rectified, needs, site):
    """In one operator, so that weights are converted and folded once for both."""
    diff_dst, diff_dst_mask, src, src_mask = map(dense, (diff_dst, diff_dst_mask, src, src_mask))
    site = site_of(site)
    plan = plan_of(site, src_size, weight.shape, stride, padding)
    folded = Folded(plan.shape, weight, before, scale, after)
    diff_src, *of_parameters = outputs
    needs_src, needs_parameters = needs
    if needs_parameters:
        _parameters_gradients(of_parameters, diff_dst, diff_dst_mask, src, src_mask, folded, site, plan)
    if needs_src:
        with folded.packed() as weights:
            site.call("conv_backward_data", plan.handle, address(diff_dst), address(diff_dst_mask), weights,
                      address(diff_src), address(src_mask) if is_rectified else None, workspace())


def _parameters_gradients(outputs, diff_dst, diff_dst_mask, src, src_mask, folded, site, plan):
    master, found = torch.empty_like(folded.master), ConvScalars()
    site.call("conv_backward_weights", plan.handle, address(src), address(src_mask), address(diff_dst), address(diff_dst_mask),
              address(master), None, workspace())
    library().unfold_gradients(plan.shape, address(folded.master), address(folded.taps), folded.scalars, address(diff_dst),
                               address(master), workspace(), found)
    plain_from_master(outputs[0], master)
    for output, value in zip(outputs[1:], (found.before, found.scale, found.after)):
        output.fill_(value)


SHIFTED_CONV = ("Tensor src, Tensor? src_mask, Tensor weight, Tensor? before, Tensor? scale, Tensor? after, int stride, "
                "int[] padding, bool is_rectified")
define(f"shifted_conv({SHIFTED_CONV}, int site) -> Tensor", _allocate_dst, _shifted_conv, _save_shifted_conv, _backward)
define(f"shifted_conv_relu({SHIFTED_CONV}, int gradient, int site) -> (Tensor, Tensor)", _allocate_relu, _shifted_conv_relu,
       _save_shifted_conv_relu, _backward_relu)
define("shifted_conv_backward(Tensor diff_dst, Tensor? diff_dst_mask, Tensor? src, Tensor? src_mask, Tensor weight, "
       "Tensor? before, Tensor? scale, Tensor? after, SymInt[] src_size, int stride, int[] padding, bool is_rectified, "
       "bool[] needs, int site) -> (Tensor, Tensor, Tensor, Tensor, Tensor)", _allocate_gradients, _compute_gradients)
