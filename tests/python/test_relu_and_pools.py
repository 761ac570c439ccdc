"""ReLU, residual sums and pools against torch's in float64, on integers or values that all differ."""
import pytest
import sparsetrain.torch  # noqa: F401
import torch
from reference import SIZES, blocked, expect_mask, expect_same_gradients, gradients, integers, mask_of, plain
from sparsetrain.torch.operators.relu import Gradient
from torch.nn import functional

OPS = torch.ops.sparsetrain
# kernel, stride, padding
WINDOWS = [((2, 2), (2, 2), (0, 0)), ((3, 3), (2, 2), (1, 1)), ((3, 2), (1, 2), (1, 0)), ((1, 3), (2, 1), (0, 1))]
SMALL_SUMS = 1e-5  # of up to 81 elements


def numbers(window):
    (height, width), (stride_y, stride_x), (rows, columns) = window
    return [height, width, stride_y, stride_x, rows, columns, rows, columns]


@pytest.mark.parametrize("size", SIZES)
def test_relu(size):
    def ours(src):
        dst, mask = OPS.relu(src, size[1], Gradient.RAW)
        expect_mask(mask, dst.detach())
        return dst
    expect_same_gradients(ours, torch.relu, [blocked(integers(*size))])


@pytest.mark.parametrize("size", SIZES)
def test_add_relu(size):
    def ours(a, b):
        dst, mask = OPS.add_relu(a, b, size[1], Gradient.RAW)
        expect_mask(mask, dst.detach())
        return dst
    expect_same_gradients(ours, lambda a, b: torch.relu(a + b), [blocked(integers(*size)), blocked(integers(*size))])


def test_gradients_that_are_masked_pass():
    src = blocked(integers(2, 17, 4, 4))
    diff_dst = blocked(integers(2, 17, 4, 4)) * (src > 0)
    _, (found,) = gradients(lambda src: OPS.relu(src, 17, Gradient.MASKED)[0], [src], diff_dst)
    assert torch.equal(found, diff_dst)


def test_nan_stays():
    src = blocked(integers(1, 17, 2, 2))
    src[0, 0, 1, 1, 3] = float("nan")
    dst, mask = OPS.relu(src, 17, Gradient.RAW)
    assert torch.isnan(dst).sum() == 1 and torch.isnan(dst[0, 0, 1, 1, 3])
    expect_mask(mask, dst)


def fitting(sizes, window):
    (height, width), _, (rows, columns) = window
    return [size for size in sizes if size[2] + 2 * rows >= height and size[3] + 2 * columns >= width]


@pytest.mark.parametrize("window", WINDOWS)
def test_max_pool(window):
    for size in fitting(SIZES, window):
        src = blocked(torch.randperm(size[0] * size[1] * size[2] * size[3]).view(size).float() - 50)

        def ours(src, channels=size[1]):
            dst, mask, _ = OPS.max_pool(src, None, channels, numbers(window))
            expect_mask(mask, dst.detach())
            return plain(dst, channels)
        expect_same_gradients(ours, lambda src, channels=size[1]: functional.max_pool2d(plain(src, channels), *window), [src])


@pytest.mark.parametrize("window", WINDOWS)
def test_the_gradient_of_a_rectified_src_is_masked(window):
    size = (2, 31, 6, 5)
    src = blocked(integers(*size).relu())
    torch.manual_seed(3)
    _, (found,) = gradients(lambda src: plain(OPS.max_pool(src, mask_of(src.detach()), 31, numbers(window))[0], 31), [src])
    torch.manual_seed(3)
    _, (expected,) = gradients(lambda src: functional.max_pool2d(plain(src, 31), *window), [src])
    assert torch.equal(found, expected * (src > 0))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("counts_padding", [False, True])
def test_average_pool(window, counts_padding):
    for size in fitting(SIZES, window):
        expect_same_gradients(
            lambda src, channels=size[1]: plain(OPS.average_pool(src, channels, numbers(window), counts_padding), channels),
            lambda src, channels=size[1]: functional.avg_pool2d(plain(src, channels), *window,
                                                                count_include_pad=counts_padding),
            [blocked(integers(*size))], SMALL_SUMS)


@pytest.mark.parametrize("dst_size", [(1, 1), (2, 3), (7, 7), (5, 4)])
def test_adaptive_average_pool(dst_size):
    for size in SIZES:
        expect_same_gradients(
            lambda src, channels=size[1]: plain(OPS.adaptive_average_pool(src, channels, list(dst_size)), channels),
            lambda src, channels=size[1]: functional.adaptive_avg_pool2d(plain(src, channels), dst_size),
            [blocked(integers(*size))], SMALL_SUMS)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("is_rectified", [False, True])
def test_global_average_pool(size, is_rectified):
    src = blocked(integers(*size).relu())
    relu_mask = mask_of(src) if is_rectified else None
    torch.manual_seed(3)
    found, (diff_src,) = gradients(lambda src: plain(OPS.global_average_pool(src, relu_mask, size[1]), size[1]), [src])
    torch.manual_seed(3)
    expected, (expected_diff,) = gradients(lambda src: plain(src, size[1]).mean((2, 3), keepdim=True), [src.double()])
    assert torch.allclose(found.double(), expected, rtol=SMALL_SUMS)
    assert torch.allclose(diff_src.double(), expected_diff * (src > 0) if is_rectified else expected_diff, rtol=SMALL_SUMS)


def test_empty_batch():
    src = torch.empty(0, 1, 4, 4, 16, requires_grad=True)
    window = numbers(WINDOWS[0])
    for dst in (OPS.max_pool(src, None, 16, window)[0], OPS.average_pool(src, 16, window, True),
                OPS.adaptive_average_pool(src, 16, [2, 2]), OPS.global_average_pool(src, None, 16),
                OPS.relu(src, 16, Gradient.RAW)[0], OPS.add_relu(src, src, 16, Gradient.RAW)[0]):
        assert dst.shape[0] == 0
        dst.sum().backward()
    assert src.grad.shape == src.shape


def test_errors_say_what_was_expected():
    a = blocked(integers(2, 16, 4, 4))
    with pytest.raises(ValueError, match="of one shape"):
        OPS.add_relu(a, a[:1], 16, Gradient.RAW)
    with pytest.raises(ValueError):
        OPS.max_pool(a, None, 16, [9, 9, 1, 1, 0, 0, 0, 0])


def test_double_backward_is_refused():
    src = blocked(integers(1, 16, 4, 4)).requires_grad_()
    diff_src, = torch.autograd.grad(OPS.relu(src, 16, Gradient.RAW)[0].square().sum(), src, create_graph=True)
    with pytest.raises(RuntimeError, match="double backward"):
        diff_src.sum().backward()
