"""Conversions between torch's layouts and blocked tensors."""
import pytest
import sparsetrain.torch  # noqa: F401
import torch
from reference import SIZES, blocked, expect_same_gradients, plain

OPS = torch.ops.sparsetrain


@pytest.mark.parametrize("size", SIZES)
def test_blocked_tensors_have_zeros_beyond_the_channels(size):
    src = torch.randn(size)
    assert torch.equal(OPS.to_blocked(src), blocked(src))
    assert torch.equal(OPS.from_blocked(blocked(src), size[1], False), src)


@pytest.mark.parametrize("size", SIZES)
def test_channels_last_comes_and_goes(size):
    src = torch.randn(size).contiguous(memory_format=torch.channels_last)
    assert torch.equal(OPS.to_blocked(src), blocked(src))
    dst = OPS.from_blocked(blocked(src), size[1], True)
    assert torch.equal(dst, src) and dst.is_contiguous(memory_format=torch.channels_last)


def test_other_strides():
    src = torch.randn(6, 40, 9, 7)
    for view in (src[::2], src[:, 3:20], src[:, :, ::2, 1:], src.transpose(2, 3), src[:1].expand(3, -1, -1, -1)):
        assert torch.equal(OPS.to_blocked(view), blocked(view))


@pytest.mark.parametrize("size", SIZES)
def test_gradients(size):
    src = torch.randn(size)
    expect_same_gradients(OPS.to_blocked, blocked, [src])
    expect_same_gradients(lambda src: OPS.from_blocked(src, size[1], False), lambda src: plain(src, size[1]), [blocked(src)])


def test_the_gradient_of_channels_last_is_channels_last():
    src = torch.randn(2, 17, 5, 5).contiguous(memory_format=torch.channels_last).requires_grad_()
    OPS.to_blocked(src).sum().backward()
    assert torch.equal(src.grad, torch.ones_like(src)) and src.grad.is_contiguous(memory_format=torch.channels_last)


def test_empty_batch():
    assert OPS.to_blocked(torch.empty(0, 17, 4, 4)).shape == (0, 2, 4, 4, 16)
    assert OPS.from_blocked(torch.empty(0, 2, 4, 4, 16), 17, False).shape == (0, 17, 4, 4)


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match=r"\[N, C, H, W\], found \[2, 3\]"):
        OPS.to_blocked(torch.ones(2, 3))
    with pytest.raises(NotImplementedError, match="float32 on cpu, found torch.float64"):
        OPS.to_blocked(torch.ones(2, 16, 3, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"expected \[N, 2, H, W, 16\] of 17 channels, found \[1, 1, 3, 3, 16\]"):
        OPS.from_blocked(torch.ones(1, 1, 3, 3, 16), 17, False)
