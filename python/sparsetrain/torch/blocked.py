"""Blocked tensors [N, C/16, H, W, 16] and their masks, as torch tensors.

A mask is an int16 tensor of one dimension: a header, then a word per pixel of 16 channels.
"""
import functools

import torch

from .._signatures import Shape
from . import memory

LANES = 16
MASK_HEADER = 32  # words
ALIGNMENT = 64


def blocks(channels):
    return (channels + LANES - 1) // LANES


def empty_blocked(like, n, channels, h, w):
    return empty(like, (n, blocks(channels), h, w, LANES))


def empty_same(tensor):
    return empty(tensor, tensor.shape)


def empty(like, size):
    """Fake tensors, which have no memory, make fake ones."""
    if type(like) is torch.Tensor and like.dtype == torch.float32 and like.device.type == "cpu":
        return memory.empty(size)
    return like.new_empty(size)


def empty_mask(tensor):
    """Memory for the mask of a blocked tensor."""
    return tensor.new_empty((MASK_HEADER + tensor.numel() // LANES,), dtype=torch.int16)


@functools.lru_cache(maxsize=1024)
def shape(n, channels, h, w):
    return Shape(n, channels, h, w)


def shape_of(tensor, channels):
    n, channel_blocks, h, w, lanes = tensor.shape
    if lanes != LANES or channel_blocks != blocks(channels):
        raise ValueError(f"expected [N, {blocks(channels)}, H, W, {LANES}] of {channels} channels, found {list(tensor.shape)}")
    return shape(n, channels, h, w)


def dense(tensor):
    """`tensor`, or a copy of it if it has another layout or address than the library reads."""
    if tensor is None:
        return None
    if not tensor.is_contiguous() or tensor.data_ptr() % ALIGNMENT != 0:
        return tensor.clone(memory_format=torch.contiguous_format)
    return tensor


def address(tensor):
    return None if tensor is None else tensor.data_ptr()


def require_float(name, tensor):
    if tensor is not None and (tensor.dtype != torch.float32 or tensor.device.type != "cpu"):
        raise NotImplementedError(f"{name}: expected torch.float32 on cpu, found {tensor.dtype} on {tensor.device}")
