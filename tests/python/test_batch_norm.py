"""Batch normalisation, with its fused forms, against torch's in float64."""
import pytest
import sparsetrain.torch  # noqa: F401
import torch
from reference import SIZES, blocked, expect_close, expect_mask, expect_same_gradients, gradients, plain

OPS = torch.ops.sparsetrain
# Sums of up to 600 elements, whose errors are below 600 x 2^-24 of their absolute values, times what the division by a
# deviation makes of them.
BOUND = 2e-4
SIZES = [size for size in SIZES if size[0] * size[2] * size[3] > 1]
EPSILON = 1e-5


def arrays(channels):
    return torch.randn(channels), torch.randn(channels)


def constants(channels):
    return torch.randn(channels), torch.rand(channels) + 0.5


def normalise(src, weight, bias, mean=None, variance=None):
    """In torch's layout, as torch.nn.BatchNorm2d does."""
    if mean is None:
        mean, variance = src.mean((0, 2, 3)), src.var((0, 2, 3), unbiased=False)
    shape = (1, -1, 1, 1)
    return (src - mean.view(shape)) / (variance.view(shape) + EPSILON).sqrt() * weight.view(shape) + bias.view(shape)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("is_constant", [False, True])
def test_batch_norm(size, is_constant):
    channels = size[1]
    of_norm = constants(channels) if is_constant else (None, None)
    expect_same_gradients(
        lambda src, *parameters: plain(OPS.batch_norm(src, *parameters, *of_norm, channels, EPSILON)[0], channels),
        lambda src, *parameters: normalise(plain(src, channels), *parameters, *of_norm),
        [blocked(torch.randn(size)), *arrays(channels)], BOUND)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("is_constant", [False, True])
def test_batch_norm_relu(size, is_constant):
    channels = size[1]
    of_norm = constants(channels) if is_constant else (None, None)

    def ours(src, *parameters):
        dst, mask, *_ = OPS.batch_norm_relu(src, *parameters, *of_norm, channels, EPSILON)
        expect_mask(mask, dst.detach())
        return plain(dst, channels)
    expect_same_gradients(ours, lambda src, *parameters: normalise(plain(src, channels), *parameters, *of_norm).relu(),
                          [blocked(torch.randn(size)), *arrays(channels)], BOUND)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("is_constant", [False, True])
def test_batch_norm_add_relu(size, is_constant):
    channels = size[1]
    of_norm = constants(channels) if is_constant else (None, None)

    def ours(src, addend, *parameters):
        dst, mask, *_ = OPS.batch_norm_add_relu(src, addend, *parameters, *of_norm, channels, EPSILON)
        expect_mask(mask, dst.detach())
        return plain(dst, channels)

    def reference(src, addend, *parameters):
        return (normalise(plain(src, channels), *parameters, *of_norm) + plain(addend, channels)).relu()
    expect_same_gradients(ours, reference, [blocked(torch.randn(size)), blocked(torch.randn(size)), *arrays(channels)], BOUND)


def test_statistics_come_back():
    src = torch.randn(3, 17, 4, 5)
    _, mean, variance = OPS.batch_norm(blocked(src), None, None, None, None, 17, EPSILON)
    expect_close(mean, src.double().mean((0, 2, 3)), 1e-5)
    expect_close(variance, src.double().var((0, 2, 3), unbiased=False), 1e-5)
    assert OPS.batch_norm(blocked(src), None, None, *constants(17), 17, EPSILON)[1].numel() == 0


def test_without_weight_and_bias():
    src = blocked(torch.randn(2, 31, 4, 4))
    expect_same_gradients(lambda src: plain(OPS.batch_norm_relu(src, None, None, None, None, 31, EPSILON)[0], 31),
                          lambda src: normalise(plain(src, 31), torch.ones(31).double(), torch.zeros(31).double()).relu(),
                          [src], BOUND)


def test_gradients_of_any_strides():
    src, weight, bias = blocked(torch.randn(2, 16, 4, 4)), *arrays(16)
    _, expected = gradients(lambda *inputs: normalise(plain(inputs[0], 16), *inputs[1:]).relu(),
                            [src.double(), weight.double(), bias.double()], torch.ones(()).expand(2, 16, 4, 4))
    _, found = gradients(lambda *inputs: OPS.batch_norm_relu(*inputs, None, None, 16, EPSILON)[0], [src, weight, bias],
                         torch.ones(()).expand(2, 1, 4, 4, 16))
    for one, other in zip(found, expected):
        expect_close(one, other, BOUND)


def test_frozen_parameters_have_no_gradients():
    src = blocked(torch.randn(2, 16, 4, 4)).requires_grad_()
    weight, bias = arrays(16)
    bias.requires_grad_()
    OPS.batch_norm_add_relu(src, src.detach(), weight, bias, None, None, 16, EPSILON)[0].sum().backward()
    assert weight.grad is None and bias.grad is not None and src.grad is not None


def test_a_channel_with_nan_stays_alone():
    src = torch.randn(2, 17, 3, 3)
    src[0, 5, 1, 1] = float("nan")
    dst, mask, *_ = OPS.batch_norm_relu(blocked(src), *arrays(17), None, None, 17, EPSILON)
    is_nan = torch.isnan(plain(dst, 17))
    assert is_nan[:, 5].all() and not is_nan[:, :5].any() and not is_nan[:, 6:].any()
    expect_mask(mask, dst)


def test_empty_batch():
    src = torch.empty(0, 2, 4, 4, 16, requires_grad=True)
    weight, bias = (value.requires_grad_() for value in arrays(17))
    OPS.batch_norm_relu(src, weight, bias, *constants(17), 17, EPSILON)[0].sum().backward()
    assert torch.equal(weight.grad, torch.zeros(17)) and src.grad.shape == src.shape


def test_errors_say_what_was_expected():
    src = blocked(torch.randn(2, 17, 3, 3))
    with pytest.raises(ValueError, match="float32 arrays of 17, found torch.float32 \\[16\\]"):
        OPS.batch_norm(src, *arrays(16), None, None, 17, EPSILON)
    with pytest.raises(ValueError, match="of one shape"):
        OPS.batch_norm_add_relu(src, src[:1], *arrays(17), None, None, 17, EPSILON)
    with pytest.raises(ValueError, match="epsilon"):
        OPS.batch_norm(src, *arrays(17), None, None, 17, 0.0)
