"""Batch normalisation by itself, with a ReLU, or with a residual sum and a ReLU.

`mean` and `variance` are constants; without them they are the batch's, which the operator then returns behind its other
outputs. (With them, what it returns there has no elements.)
"""
import torch

from ..._library import library
from ..._signatures import Normalisation
from ..blocked import address, dense, empty_mask, empty_same, shape_of
from ..workspaces import workspace
from .registry import define

OF_SRC, CONSTANT = 0, 1


class _Normalisation(Normalisation):
    """The C interface's struct, which keeps the tensors whose addresses it has."""

    def __init__(self, channels, weight, bias, mean, variance, epsilon, statistics):
        weight = torch.ones(channels) if weight is None else weight.contiguous()
        bias = torch.zeros(channels) if bias is None else bias.contiguous()
        self.tensors = mean.contiguous(), variance.contiguous(), weight, bias
        for tensor in self.tensors:
            if tensor.shape != (channels,) or tensor.dtype != torch.float32:
                raise ValueError(f"batch_norm: expected float32 arrays of {channels}, found {tensor.dtype} {list(tensor.shape)}")
        super().__init__(*map(address, self.tensors), epsilon, statistics)


def _allocate_statistics(src, mean, channels):
    count = channels if mean is None else 0
    return src.new_empty((count,)), src.new_empty((count,))


def _normalisation(src, shape, outputs, weight, bias, mean, variance, channels, epsilon):
    """That of the arguments, or of the batch, whose statistics become the last two of `outputs`."""
    if mean is not None:
        return _Normalisation(channels, weight, bias, mean, variance, epsilon, CONSTANT)
    mean, variance = outputs[-2:]
    library().batch_statistics(shape, address(src), address(mean), address(variance), workspace())
    return _Normalisation(channels, weight, bias, mean, variance, epsilon, OF_SRC)


def _allocate_norm(src, weight, bias, mean, variance, channels, epsilon):
    return empty_same(src), *_allocate_statistics(src, mean, channels)


def _batch_norm(outputs, src, *norm):
    src = dense(src)
    shape = shape_of(src, norm[-2])
    library().batch_norm(shape, address(src), _normalisation(src, shape, outputs, *norm), address(outputs[0]),
                         workspace())


def _allocate_norm_relu(src, weight, bias, mean, variance, channels, epsilon):
    dst = empty_same(src)
    return dst, empty_mask(dst), *_allocate_statistics(src, mean, channels)


def _batch_norm_relu(outputs, src, *norm):
    src = dense(src)
    shape = shape_of(src, norm[-2])
    library().batch_norm_relu(shape, address(src), _normalisation(src, shape, outputs, *norm), *map(address, outputs[:2]),
                              workspace())


def _allocate_norm_add_relu(src, addend, *norm):
    return _allocate_norm_relu(src, *norm)


def _batch_norm_add_relu(outputs, src, addend, *norm):
    src, addend = dense(src), dense(addend)
    if src.shape != addend.shape:
        raise ValueError(f"batch_norm_add_relu: expected tensors of one shape, found {list(src.shape)} and {list(addend.shape)}")
    shape = shape_of(src, norm[-2])
    library().batch_norm_add_relu(shape, address(src), _normalisation(src, shape, outputs, *norm), address(addend),
                                  *map(address, outputs[:2]), workspace())


def _save(ctx, src, norm, mask, outputs):
    weight, _, mean, variance, ctx.channels, ctx.epsilon = norm
    ctx.is_constant = mean is not None
    statistics = (mean, variance) if ctx.is_constant else outputs[-2:]
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*outputs[1:])
    ctx.save_for_backward(src, mask, weight, *statistics)


def _save_norm(ctx, inputs, output):
    _save(ctx, inputs[0], inputs[1:], None, output)


def _save_norm_relu(ctx, inputs, output):
    _save(ctx, inputs[0], inputs[1:], output[1], output)


def _save_norm_add_relu(ctx, inputs, output):
    _save(ctx, inputs[0], inputs[2:], output[1], output)


def _backward(ctx, diff_dst, *_):
    if diff_dst is None:
        return (None,) * 7
    diff_src, diff_weight, diff_bias = torch.ops.sparsetrain.batch_norm_backward(
        diff_dst, *ctx.saved_tensors, ctx.channels, ctx.epsilon, ctx.is_constant)
    _, needs_weight, needs_bias, *_ = ctx.needs_input_grad
    return diff_src, diff_weight if needs_weight else None, diff_bias if needs_bias else None, None, None, None, None


def _backward_add(ctx, diff_dst, *_):
    if diff_dst is None:
        return (None,) * 8
    diff_src, diff_addend, diff_weight, diff_bias = torch.ops.sparsetrain.batch_norm_add_relu_backward(
        diff_dst, *ctx.saved_tensors, ctx.channels, ctx.epsilon, ctx.is_constant)
    _, _, needs_weight, needs_bias, *_ = ctx.needs_input_grad
    return (diff_src, diff_addend, diff_weight if needs_weight else None, diff_bias if needs_bias else None, None, None, None,
            None)


def _allocate_backward(diff_dst, src, mask, weight, mean, variance, channels, epsilon, is_constant):
    return empty_same(src), src.new_empty((channels,)), src.new_empty((channels,))


def _norm_of_backward(channels, weight, mean, variance, epsilon, is_constant):
    return _Normalisation(channels, weight, None, mean, variance, epsilon, CONSTANT if is_constant else OF_SRC)


def _batch_norm_backward(outputs, diff_dst, src, mask, weight, mean, variance, channels, epsilon, is_constant):
    diff_dst, src, mask = dense(diff_dst), dense(src), dense(mask)
    norm = _norm_of_backward(channels, weight, mean, variance, epsilon, is_constant)
    inputs = shape_of(src, channels), address(src), norm, address(diff_dst)
    outputs = *map(address, outputs), workspace()
    if mask is None:
        library().batch_norm_backward(*inputs, *outputs)
    else:
        library().batch_norm_relu_backward(*inputs, address(mask), *outputs)


def _allocate_add_backward(diff_dst, src, *others):
    diff_src, *gradients = _allocate_backward(diff_dst, src, *others)
    return diff_src, empty_same(diff_src), *gradients


def _batch_norm_add_relu_backward(outputs, diff_dst, src, mask, weight, mean, variance, channels, epsilon, is_constant):
    diff_dst, src, mask = dense(diff_dst), dense(src), dense(mask)
    norm = _norm_of_backward(channels, weight, mean, variance, epsilon, is_constant)
    library().batch_norm_add_relu_backward(shape_of(src, channels), address(src), norm, address(diff_dst), address(mask),
                                           *map(address, outputs), workspace())


NORM = "Tensor? weight, Tensor? bias, Tensor? mean, Tensor? variance, int channels, float epsilon"
BACKWARD = ("Tensor diff_dst, Tensor src, Tensor? mask, Tensor? weight, Tensor mean, Tensor variance, int channels, "
            "float epsilon, bool is_constant")
define(f"batch_norm(Tensor src, {NORM}) -> (Tensor, Tensor, Tensor)", _allocate_norm, _batch_norm, _save_norm, _backward)
define(f"batch_norm_relu(Tensor src, {NORM}) -> (Tensor, Tensor, Tensor, Tensor)", _allocate_norm_relu, _batch_norm_relu,
       _save_norm_relu, _backward)
define(f"batch_norm_add_relu(Tensor src, Tensor addend, {NORM}) -> (Tensor, Tensor, Tensor, Tensor)", _allocate_norm_add_relu,
       _batch_norm_add_relu, _save_norm_add_relu, _backward_add)
define(f"batch_norm_backward({BACKWARD}) -> (Tensor, Tensor, Tensor)", _allocate_backward, _batch_norm_backward)
define(f"batch_norm_add_relu_backward({BACKWARD}) -> (Tensor, Tensor, Tensor, Tensor)", _allocate_add_backward,
       _batch_norm_add_relu_backward)
