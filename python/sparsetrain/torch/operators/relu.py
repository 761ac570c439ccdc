"""ReLU by itself, and behind a residual sum.

`gradient` says what comes back to a ReLU in the backward: see Gradient.
"""
import torch

from ..._library import library
from ..blocked import address, dense, empty_mask, empty_same, shape_of
from ..workspaces import workspace
from .registry import define


class Gradient:
    """What the readers of a ReLU's output leave of its gradient."""
    RAW = 0      # the ReLU's backward is to be applied
    MASKED = 1   # it has been applied
    SPARSER = 2  # it has been, and there are more zeros than the ReLU's mask tells, as behind a max pool


def masked_gradient(diff_dst, mask, channels, gradient):
    """diff_dst with the backward of the ReLU whose mask it is."""
    if gradient != Gradient.RAW:
        return diff_dst
    return torch.ops.sparsetrain.relu_backward(diff_dst, mask, channels)


def _allocate_relu(src, channels, gradient):
    dst = empty_same(src)
    return dst, empty_mask(dst)


def _relu(outputs, src, channels, gradient):
    dst, mask = outputs
    src = dense(src)
    library().relu_forward(shape_of(src, channels), address(src), address(dst), address(mask), workspace())


def _save_relu(ctx, inputs, output):
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(output[1])
    ctx.channels, ctx.gradient = inputs[-2:]


def _backward_relu(ctx, diff_dst, _):
    if diff_dst is None:
        return None, None, None
    return masked_gradient(diff_dst, *ctx.saved_tensors, ctx.channels, ctx.gradient), None, None


def _allocate_relu_backward(diff_dst, mask, channels):
    return empty_same(diff_dst)


def _relu_backward(diff_src, diff_dst, mask, channels):
    diff_dst = dense(diff_dst)
    library().relu_backward(shape_of(diff_dst, channels), address(diff_dst), address(dense(mask)), address(diff_src),
                            workspace())


def _allocate_add_relu(a, b, channels, gradient):
    return _allocate_relu(a, channels, gradient)


def _add_relu(outputs, a, b, channels, gradient):
    dst, mask = outputs
    a, b = dense(a), dense(b)
    if a.shape != b.shape:
        raise ValueError(f"add_relu: expected tensors of one shape, found {list(a.shape)} and {list(b.shape)}")
    library().add_relu(shape_of(a, channels), address(a), address(b), address(dst), address(mask), workspace())


def _backward_add_relu(ctx, diff_dst, _):
    diff_src, *others = _backward_relu(ctx, diff_dst, _)
    return diff_src, diff_src, *others


define("relu(Tensor src, int channels, int gradient) -> (Tensor, Tensor)", _allocate_relu, _relu, _save_relu, _backward_relu)
define("relu_backward(Tensor diff_dst, Tensor mask, int channels) -> Tensor", _allocate_relu_backward, _relu_backward)
define("add_relu(Tensor a, Tensor b, int channels, int gradient) -> (Tensor, Tensor)", _allocate_add_relu, _add_relu,
       _save_relu, _backward_add_relu)
