"""Max pools, average pools, averages of pieces and of whole images.

`window`: height, width, stride_y, stride_x, and padding: top, left, bottom, right.
"""
import functools

import torch

from ..._library import library
from ..._signatures import PoolWindow
from ..blocked import address, dense, empty_blocked, empty_mask, shape, shape_of
from ..workspaces import workspace
from .registry import define

AVERAGED_INSIDE, AVERAGED_ALL = 0, 1


@functools.lru_cache(maxsize=256)
def _window(*numbers):
    return PoolWindow(*numbers)


def _allocate_pool(src, channels, window):
    n, _, h, w, _ = src.shape
    height, width, stride_y, stride_x, top, left, bottom, right = window
    if h + top + bottom < height or w + left + right < width:
        raise ValueError(f"pool: expected at least {height}x{width} pixels with padding, found {h}x{w}")
    dst_h, dst_w = (h + top + bottom - height) // stride_y + 1, (w + left + right - width) // stride_x + 1
    return empty_blocked(src, n, channels, dst_h, dst_w)


def _allocate_src(diff_dst, src_size, channels):
    return empty_blocked(diff_dst, diff_dst.shape[0], channels, *src_size)


def _allocate_max_pool(src, relu_mask, channels, window):
    dst = _allocate_pool(src, channels, window)
    return dst, empty_mask(dst), torch.empty_like(dst, dtype=torch.uint8)


def _max_pool(outputs, src, relu_mask, channels, window):
    src = dense(src)
    library().max_pool_forward(shape_of(src, channels), _window(*window), address(src), *map(address, outputs), workspace())


def _save_max_pool(ctx, inputs, output):
    src, relu_mask, ctx.channels, ctx.window = inputs
    ctx.src_size = list(src.shape[2:4])
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[1:])
    ctx.save_for_backward(output[2], relu_mask)


def _backward_max_pool(ctx, diff_dst, *_):
    if diff_dst is None:
        return None, None, None, None
    diff_src = torch.ops.sparsetrain.max_pool_backward(diff_dst, *ctx.saved_tensors, ctx.src_size, ctx.channels,
                                                       ctx.window)
    return diff_src, None, None, None


def _allocate_max_pool_backward(diff_dst, choice, relu_mask, src_size, channels, window):
    return _allocate_src(diff_dst, src_size, channels)


def _max_pool_backward(diff_src, diff_dst, choice, relu_mask, src_size, channels, window):
    diff_dst, choice, relu_mask = dense(diff_dst), dense(choice), dense(relu_mask)
    mask = empty_mask(diff_src)
    library().max_pool_backward(shape_of(diff_src, channels), _window(*window), address(diff_dst), address(choice),
                                address(relu_mask), address(diff_src), address(mask), workspace())


def _averaged(counts_padding):
    return AVERAGED_ALL if counts_padding else AVERAGED_INSIDE


def _allocate_average_pool(src, channels, window, counts_padding):
    return _allocate_pool(src, channels, window)


def _average_pool(dst, src, channels, window, counts_padding):
    src = dense(src)
    library().average_pool_forward(shape_of(src, channels), _window(*window), _averaged(counts_padding), address(src),
                                   address(dst), workspace())


def _save_average_pool(ctx, inputs, output):
    src, ctx.channels, ctx.window, ctx.counts_padding = inputs
    ctx.src_size = list(src.shape[2:4])


def _backward_average_pool(ctx, diff_dst):
    diff_src = torch.ops.sparsetrain.average_pool_backward(diff_dst, ctx.src_size, ctx.channels, ctx.window,
                                                           ctx.counts_padding)
    return diff_src, None, None, None


def _allocate_average_pool_backward(diff_dst, src_size, channels, window, counts_padding):
    return _allocate_src(diff_dst, src_size, channels)


def _average_pool_backward(diff_src, diff_dst, src_size, channels, window, counts_padding):
    diff_dst = dense(diff_dst)
    library().average_pool_backward(shape_of(diff_src, channels), _window(*window), _averaged(counts_padding),
                                    address(diff_dst), address(diff_src), workspace())


def _allocate_adaptive_pool(src, channels, dst_size):
    return empty_blocked(src, src.shape[0], channels, *dst_size)


def _adaptive_pool(dst, src, channels, dst_size):
    src = dense(src)
    library().adaptive_average_pool_forward(shape_of(src, channels), shape(src.shape[0], channels, *dst_size), address(src),
                                            address(dst), workspace())


def _save_adaptive_pool(ctx, inputs, output):
    src, ctx.channels, _ = inputs
    ctx.src_size = list(src.shape[2:4])


def _backward_adaptive_pool(ctx, diff_dst):
    return torch.ops.sparsetrain.adaptive_average_pool_backward(diff_dst, ctx.src_size, ctx.channels), None, None


def _adaptive_pool_backward(diff_src, diff_dst, src_size, channels):
    diff_dst = dense(diff_dst)
    library().adaptive_average_pool_backward(shape_of(diff_src, channels), shape_of(diff_dst, channels), address(diff_dst),
                                             address(diff_src), workspace())


def _allocate_global_pool(src, relu_mask, channels):
    return empty_blocked(src, src.shape[0], channels, 1, 1)


def _global_pool(dst, src, relu_mask, channels):
    src = dense(src)
    library().global_average_pool_forward(shape_of(src, channels), address(src), address(dst), workspace())


def _save_global_pool(ctx, inputs, output):
    src, relu_mask, ctx.channels = inputs
    ctx.src_size = list(src.shape[2:4])
    ctx.save_for_backward(relu_mask)


def _backward_global_pool(ctx, diff_dst):
    diff_src = torch.ops.sparsetrain.global_average_pool_backward(diff_dst, *ctx.saved_tensors, ctx.src_size,
                                                                  ctx.channels)
    return diff_src, None, None


def _allocate_global_pool_backward(diff_dst, relu_mask, src_size, channels):
    return _allocate_src(diff_dst, src_size, channels)


def _global_pool_backward(diff_src, diff_dst, relu_mask, src_size, channels):
    diff_dst, relu_mask = dense(diff_dst), dense(relu_mask)
    library().global_average_pool_backward(shape_of(diff_src, channels), address(diff_dst), address(relu_mask),
                                           address(diff_src), workspace())


define("max_pool(Tensor src, Tensor? relu_mask, int channels, SymInt[] window) -> (Tensor, Tensor, Tensor)", _allocate_max_pool,
       _max_pool, _save_max_pool, _backward_max_pool)
define("max_pool_backward(Tensor diff_dst, Tensor choice, Tensor? relu_mask, SymInt[] src_size, int channels, SymInt[] window) "
       "-> Tensor", _allocate_max_pool_backward, _max_pool_backward)
define("average_pool(Tensor src, int channels, SymInt[] window, bool counts_padding) -> Tensor", _allocate_average_pool,
       _average_pool, _save_average_pool, _backward_average_pool)
define("average_pool_backward(Tensor diff_dst, SymInt[] src_size, int channels, SymInt[] window, bool counts_padding) -> Tensor",
       _allocate_average_pool_backward, _average_pool_backward)
define("adaptive_average_pool(Tensor src, int channels, SymInt[] dst_size) -> Tensor", _allocate_adaptive_pool, _adaptive_pool,
       _save_adaptive_pool, _backward_adaptive_pool)
define("adaptive_average_pool_backward(Tensor diff_dst, SymInt[] src_size, int channels) -> Tensor",
       lambda diff_dst, src_size, channels: _allocate_src(diff_dst, src_size, channels), _adaptive_pool_backward)
define("global_average_pool(Tensor src, Tensor? relu_mask, int channels) -> Tensor", _allocate_global_pool, _global_pool,
       _save_global_pool, _backward_global_pool)
define("global_average_pool_backward(Tensor diff_dst, Tensor? relu_mask, SymInt[] src_size, int channels) -> Tensor",
       _allocate_global_pool_backward, _global_pool_backward)
