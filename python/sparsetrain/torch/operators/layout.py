"""Between torch's layouts of images and blocked tensors."""
import torch

from ..._library import library
from ..blocked import address, empty, empty_blocked, require_float, shape, shape_of
from ..blocked import dense as aligned
from ..workspaces import workspace
from .registry import define


def _is_channels_last(tensor):
    return not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)


def _allocate_blocked(src):
    if src.dim() != 4:
        raise ValueError(f"to_blocked: expected [N, C, H, W], found {list(src.shape)}")
    n, channels, h, w = src.shape
    return empty_blocked(src, n, channels, h, w)


def _to_blocked(dst, src):
    require_float("to_blocked", src)
    is_channels_last = _is_channels_last(src)
    plain = src if is_channels_last else src.contiguous()
    convert = library().nhwc_to_nchw16c if is_channels_last else library().nchw_to_nchw16c
    convert(shape(*src.shape), plain.data_ptr(), dst.data_ptr(), workspace())


def _allocate_nchw(src, channels, channels_last):
    n, _, h, w, _ = src.shape
    if channels_last:
        return empty(src, (n, h, w, channels)).permute(0, 3, 1, 2)
    return empty(src, (n, channels, h, w))


def _from_blocked(dst, src, channels, channels_last):
    src = aligned(src)
    convert = library().nchw16c_to_nhwc if channels_last else library().nchw16c_to_nchw
    convert(shape_of(src, channels), address(src), dst.data_ptr(), workspace())


def _save_layout(ctx, inputs, output):
    ctx.channels = inputs[0].shape[1]
    ctx.channels_last = _is_channels_last(inputs[0])


def _backward_to_blocked(ctx, diff_dst):
    return torch.ops.sparsetrain.from_blocked(diff_dst, ctx.channels, ctx.channels_last)


def _save_no_layout(ctx, inputs, output):
    pass


def _backward_from_blocked(ctx, diff_dst):
    return torch.ops.sparsetrain.to_blocked(diff_dst), None, None


define("to_blocked(Tensor src) -> Tensor", _allocate_blocked, _to_blocked, _save_layout, _backward_to_blocked)
define("from_blocked(Tensor src, int channels, bool channels_last) -> Tensor", _allocate_nchw, _from_blocked, _save_no_layout,
       _backward_from_blocked)
