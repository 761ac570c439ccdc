"""Convolutions against torch's in float64, on integers: exact, whatever kernel runs."""
import pytest
import sparsetrain.torch  # noqa: F401
import torch
from reference import blocked, expect_mask, expect_same_gradients, gradients, integers, mask_of, plain, with_zeros
from sparsetrain.torch.operators.relu import Gradient
from torch.nn import functional

OPS = torch.ops.sparsetrain
# N, C, H, W, K, R, stride, padding
PROBLEMS = [(2, 16, 8, 8, 32, 3, 1, 1), (1, 17, 7, 5, 31, 3, 1, 1), (2, 40, 9, 7, 17, 3, 2, 1), (3, 31, 6, 6, 40, 1, 1, 0),
            (2, 32, 7, 9, 16, 1, 2, 0), (1, 16, 9, 9, 48, 5, 1, 2), (2, 16, 5, 6, 16, 3, 1, 0)]


def weight_of(problem):
    _, channels, _, _, k, r, _, _ = problem
    return integers(k, channels, r, r)


def conv(problem, is_rectified=False, mask=None):
    *_, stride, padding = problem

    def ours(src, weight, bias):
        dst = OPS.conv(src, mask, weight, bias, stride, [padding] * 4, is_rectified, 0)
        return plain(dst, weight.shape[0])
    return ours


def reference(problem):
    *_, stride, padding = problem
    channels = problem[1]
    return lambda src, weight, bias: functional.conv2d(plain(src, channels), weight, bias, stride, padding)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("has_mask", [False, True])
def test_conv(problem, has_mask):
    src = blocked(with_zeros(integers(*problem[:4])))
    expect_same_gradients(conv(problem, mask=mask_of(src) if has_mask else None), reference(problem),
                          [src, weight_of(problem), integers(problem[4])])


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_gradient_of_a_rectified_src_is_masked(problem):
    before = blocked(integers(*problem[:4]))
    src = before.relu()
    inputs = src, weight_of(problem), integers(problem[4])
    torch.manual_seed(3)
    _, (found, *_) = gradients(conv(problem, True, mask_of(src)), inputs)
    torch.manual_seed(3)
    _, (expected, *_) = gradients(reference(problem), inputs)
    assert torch.equal(found, expected * (src > 0)) and not torch.equal(found, expected)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_conv_relu(problem):
    *_, k, _, stride, padding = problem
    src = blocked(with_zeros(integers(*problem[:4])))

    def ours(src, weight, bias):
        dst, mask = OPS.conv_relu(src, mask_of(src.detach()), weight, bias, stride, [padding] * 4, False, Gradient.RAW, 0)
        expect_mask(mask, dst.detach())
        return plain(dst, k)
    expect_same_gradients(ours, lambda *inputs: reference(problem)(*inputs).relu(), [src, weight_of(problem), integers(k)])


@pytest.mark.parametrize("gradient", [Gradient.MASKED, Gradient.SPARSER])
def test_conv_relu_takes_gradients_that_are_masked(gradient):
    problem = PROBLEMS[1]
    src, weight, bias = blocked(integers(*problem[:4])), weight_of(problem), integers(problem[4])
    expected = reference(problem)(src, weight, bias).relu()
    diff_dst = integers(*expected.shape) * (expected > 0)
    _, of_reference = gradients(lambda *inputs: reference(problem)(*inputs).relu(), [src, weight, bias], diff_dst)
    _, of_ours = gradients(lambda *inputs: OPS.conv_relu(inputs[0], None, *inputs[1:], 1, [1] * 4, False, gradient, 0)[0],
                           [src, weight, bias], blocked(diff_dst))
    assert all(torch.equal(one, other) for one, other in zip(of_ours, of_reference))


def test_no_bias():
    problem = PROBLEMS[0]
    src, weight = blocked(integers(*problem[:4])), weight_of(problem)
    expect_same_gradients(lambda *inputs: conv(problem)(*inputs, None), lambda *inputs: reference(problem)(*inputs, None),
                          [src, weight])


def test_padding_may_differ_by_side():
    src, weight = blocked(integers(2, 16, 6, 5)), integers(16, 16, 3, 3)
    expect_same_gradients(
        lambda src, weight: plain(OPS.conv(src, None, weight, None, 1, [0, 2, 1, 1], False, 0), 16),
        lambda src, weight: functional.conv2d(functional.pad(plain(src, 16), (2, 1, 0, 1)), weight), [src, weight])


def test_only_what_is_needed_is_computed():
    problem = PROBLEMS[0]
    src, weight, bias = blocked(integers(*problem[:4])), weight_of(problem), integers(problem[4])
    for needed in ([True, False, False], [False, True, False], [False, False, True], [True, False, True]):
        inputs = [value.clone().requires_grad_(needs) for value, needs in zip((src, weight, bias), needed)]
        conv(problem)(*inputs).sum().backward()
        assert [value.grad is not None for value in inputs] == needed
        doubles = [value.double().requires_grad_() for value in (src, weight, bias)]
        reference(problem)(*doubles).sum().backward()
        for value, double, needs in zip(inputs, doubles, needed):
            assert not needs or torch.equal(value.grad.double(), double.grad)


def test_a_frozen_weight_does_not_keep_src():
    problem = PROBLEMS[0]
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: saved.append(tensor.shape) or tensor, lambda tensor: tensor):
        src = blocked(integers(*problem[:4])).requires_grad_()
        conv(problem)(src, weight_of(problem), None)
    assert src.shape not in saved


@pytest.mark.parametrize("change", [
    lambda weight: weight.contiguous(memory_format=torch.channels_last), lambda weight: weight.transpose(2, 3),
    lambda weight: torch.cat([weight, weight])[:32]])
def test_weights_of_any_strides(change):
    problem = PROBLEMS[0]
    src, weight = blocked(integers(*problem[:4])), change(weight_of(problem))
    expect_same_gradients(conv(problem), reference(problem), [src, weight, integers(32)])


def test_gradients_of_weights_have_their_strides():
    weight = integers(16, 16, 3, 3).contiguous(memory_format=torch.channels_last).requires_grad_()
    OPS.conv(blocked(integers(1, 16, 4, 4)), None, weight, None, 1, [1] * 4, False, 0).sum().backward()
    assert weight.grad.stride() == weight.stride()


def test_src_and_gradients_of_any_strides():
    src, weight = blocked(integers(4, 32, 6, 6)), integers(16, 16, 3, 3)
    for view in (lambda src: src[::2, :1], lambda src: src[:1, :1].expand(3, -1, -1, -1, -1),
                 lambda src: src[:, 1:].transpose(2, 3)):
        expect_same_gradients(
            lambda src, weight, view=view: OPS.conv(view(src), None, weight, None, 1, [1] * 4, False, 0).transpose(2, 3),
            lambda src, weight, view=view: blocked(functional.conv2d(plain(view(src), 16), weight, None, 1, 1)).transpose(2, 3),
            [src, weight])


def test_empty_batch():
    weight, bias = integers(32, 17, 3, 3).requires_grad_(), integers(32).requires_grad_()
    src = torch.empty(0, 2, 5, 5, 16, requires_grad=True)
    dst = OPS.conv(src, None, weight, bias, 2, [1] * 4, False, 0)
    assert dst.shape == (0, 2, 3, 3, 16)
    dst.sum().backward()
    assert torch.equal(weight.grad, torch.zeros_like(weight)) and torch.equal(bias.grad, torch.zeros_like(bias))
    assert src.grad.shape == src.shape


def test_nan_stays():
    src = integers(1, 16, 4, 4)
    src[0, 3, 1, 1] = float("nan")
    dst, mask = OPS.conv_relu(blocked(src), None, torch.ones(16, 16, 3, 3), None, 1, [1] * 4, False, Gradient.RAW, 0)
    assert torch.isnan(plain(dst, 16)[0, :, :3, :3]).all() and not torch.isnan(plain(dst, 16)[0, :, 3]).any()
    expect_mask(mask, dst)


def test_errors_say_what_was_expected():
    src = blocked(integers(1, 16, 4, 4))
    with pytest.raises(ValueError, match="expected src of 40 channels, found 1 blocks"):
        OPS.conv(src, None, torch.ones(16, 40, 3, 3), None, 1, [1] * 4, False, 0)
    with pytest.raises(NotImplementedError, match="conv3x3_stride1"):  # the classes that there are
        OPS.conv(src, None, torch.ones(16, 16, 2, 2), None, 1, [0] * 4, False, 0)
    with pytest.raises(NotImplementedError, match="float64"):
        OPS.conv(src, None, torch.ones(16, 16, 3, 3, dtype=torch.float64), None, 1, [1] * 4, False, 0)


def test_backward_twice():
    weight = integers(16, 16, 3, 3).requires_grad_()
    dst = OPS.conv(blocked(integers(1, 16, 4, 4)), None, weight, None, 1, [1] * 4, False, 0)
    dst.sum().backward(retain_graph=True)
    first = weight.grad.clone()
    dst.sum().backward()
    assert torch.equal(weight.grad, 2 * first)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        dst.sum().backward()


def test_double_backward_is_refused():
    weight = integers(16, 16, 3, 3).requires_grad_()
    dst = OPS.conv(blocked(integers(1, 16, 4, 4)), None, weight, None, 1, [1] * 4, False, 0)
    diff_weight, = torch.autograd.grad(dst.square().sum(), weight, create_graph=True)
    with pytest.raises(RuntimeError, match="double backward"):
        diff_weight.sum().backward()
