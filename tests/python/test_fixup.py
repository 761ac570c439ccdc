"""Scalars around convolutions: operators on integers, exact; what of graphs is folded, and what only looks like it."""
import copy
import re

import pytest
import sparsetrain.torch
import torch
from models import expect_same_step
from reference import blocked, expect_mask, expect_same_gradients, gradients, integers, mask_of, plain, with_zeros
from sparsetrain.torch.operators.relu import Gradient
from torch import nn
from torch.nn import functional

OPS = torch.ops.sparsetrain
# N, C, H, W, K, R, stride, padding
PROBLEMS = [(2, 16, 8, 8, 32, 3, 1, 1), (1, 17, 7, 5, 31, 3, 1, 1), (2, 40, 9, 7, 17, 3, 2, 1), (3, 31, 6, 6, 40, 1, 1, 0),
            (2, 32, 7, 9, 16, 1, 2, 0), (1, 16, 9, 9, 48, 5, 1, 2), (2, 16, 5, 6, 16, 3, 1, 0)]
SCALARS = [torch.tensor([2.0]), torch.tensor([-3.0]), torch.tensor([5.0])]


def inputs_of(problem):
    n, channels, h, w, k, r, *_ = problem
    return [blocked(with_zeros(integers(n, channels, h, w))), integers(k, channels, r, r)]


def with_all(given, values):
    """The scalars that are given, None for the others."""
    values = iter(values)
    return [next(values) if is_given else None for is_given in given]


def reference(problem, given):
    *_, stride, padding = problem

    def function(src, weight, *scalars):
        before, scale, after = with_all(given, scalars)
        dst = functional.conv2d(plain(src, problem[1]) + (0 if before is None else before), weight, None, stride, padding)
        return dst * (1 if scale is None else scale) + (0 if after is None else after)
    return function


def ours(problem, given, is_relu=False, is_rectified=False, gradient=Gradient.RAW):
    *_, k, _, stride, padding = problem

    def function(src, weight, *scalars):
        mask = mask_of(src.detach())
        arguments = src, mask, weight, *with_all(given, scalars), stride, [padding] * 4, is_rectified
        if not is_relu:
            return plain(OPS.shifted_conv(*arguments, 0), k)
        dst, dst_mask = OPS.shifted_conv_relu(*arguments, gradient, 0)
        expect_mask(dst_mask, dst.detach())
        return plain(dst, k)
    return function


GIVEN = [(True, True, True), (True, False, False), (False, True, False), (False, False, True), (True, False, True)]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("given", GIVEN)
def test_shifted_conv(problem, given):
    scalars = [value for value, is_given in zip(SCALARS, given) if is_given]
    expect_same_gradients(ours(problem, given), reference(problem, given), [*inputs_of(problem), *scalars])


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("given", GIVEN)
def test_shifted_conv_relu(problem, given):
    scalars = [value for value, is_given in zip(SCALARS, given) if is_given]
    expect_same_gradients(ours(problem, given, is_relu=True), lambda *inputs: reference(problem, given)(*inputs).relu(),
                          [*inputs_of(problem), *scalars])


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_gradient_of_a_rectified_src_is_masked(problem):
    inputs = [inputs_of(problem)[0].relu(), inputs_of(problem)[1], *SCALARS]
    torch.manual_seed(3)
    _, (found, *_) = gradients(ours(problem, GIVEN[0], is_rectified=True), inputs)
    torch.manual_seed(3)
    _, (expected, *_) = gradients(reference(problem, GIVEN[0]), inputs)
    assert torch.equal(found, expected * (inputs[0] > 0)) and not torch.equal(found, expected)


def test_only_what_is_needed_is_computed():
    problem = PROBLEMS[0]
    values = [*inputs_of(problem), *SCALARS]
    for i in range(5):
        inputs = [value.clone().requires_grad_(i == j) for j, value in enumerate(values)]
        ours(problem, GIVEN[0], is_relu=True)(*inputs).sum().backward()
        assert [value.grad is not None for value in inputs] == [i == j for j in range(5)]


def test_scalars_of_other_kinds_are_refused():
    src, weight = inputs_of(PROBLEMS[0])
    for scalar in (torch.ones(2), torch.ones(1, dtype=torch.float64)):
        with pytest.raises(ValueError, match="expected scalars of one torch.float32"):
            OPS.shifted_conv(src, None, weight, scalar, None, None, 1, [1] * 4, False, 0)


@pytest.mark.parametrize("operator, more", [("shifted_conv", ()), ("shifted_conv_relu", (0,))])
def test_registrations(operator, more):
    src, weight = torch.randn(1, 1, 5, 5, 16, requires_grad=True), torch.randn(16, 16, 3, 3, requires_grad=True)
    scalars = [torch.randn(1, requires_grad=True) for _ in range(3)]
    torch.library.opcheck(getattr(OPS, operator).default, (src, None, weight, *scalars, 1, [1] * 4, False, *more, 0),
                          test_utils=("test_schema", "test_faketensor", "test_autograd_registration"))


def scalar(*shape):
    return nn.Parameter(torch.rand(shape) + 0.5)


class Scalars(nn.Module):
    """A rectified x, what `compute` makes of it, and a convolution behind that."""

    def __init__(self, compute, bias=False, channels=24):
        super().__init__()
        self.enter, self.leave = nn.Conv2d(16, channels, 3, padding=1), nn.Conv2d(channels, 16, 1)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)
        self.conv2 = nn.Conv2d(channels, channels, 1, bias=bias)
        self.before, self.scale, self.after, self.single = scalar(1), scalar(), scalar(1, 1, 1), scalar(1)
        self.many, self.deep = scalar(channels, 1, 1), scalar(1, 1, 1, 1, 1)
        self.register_buffer("constant", torch.tensor([0.5]))
        self.compute = compute

    def forward(self, x):
        return self.leave(self.compute(self, functional.relu(self.enter(x))))


def shared(m, x):
    biased = x + m.before
    return functional.relu(m.conv1(biased) + m.after) + m.conv2(biased) * m.scale + x


def in_place_later(m, x):
    y = m.conv1(x + m.before) * m.scale
    y += m.after
    return y.relu_()


def in_place_between(m, x):
    x = m.conv2(x)
    biased = x + m.before
    x.relu_()
    return m.conv1(biased)


FOLDED = {
    "all": lambda m, x: functional.relu(m.conv1(m.before + x) * m.scale + m.after),
    "methods": lambda m, x: m.conv1(x.add(m.before)).mul(m.scale).add(m.after).relu(),
    "functions": lambda m, x: torch.relu(torch.add(m.after, torch.mul(m.scale, m.conv1(torch.add(x, m.before))))),
    "only before": lambda m, x: m.conv1(x + m.before),
    "only scale": lambda m, x: m.conv1(x) * m.scale,
    "only after": lambda m, x: functional.relu(m.conv1(x) + m.after),
    "two convolutions": shared,
    "one after another": lambda m, x: m.conv2(functional.relu(m.conv1(x + m.before) + m.after) + m.single) * m.scale,
    "x is read elsewhere": lambda m, x: m.conv1(x + m.before) + x * x.sum() / x.numel(),
    "one parameter twice": lambda m, x: m.conv1(x + m.before) * m.before + m.before,
}


def changes_sum(m, x):
    biased = x + m.before
    biased.mul_(2)
    return m.conv1(biased)


def changes_view_of_x(m, x):
    x = m.conv2(x)
    biased = x + m.before
    x.view(-1).mul_(2)
    return m.conv1(biased) + x


def changes_x(m, x):
    x = m.conv2(x)
    biased = x + m.before
    x.mul_(2)
    return m.conv1(biased) + x


def changes_result(m, x):
    y = m.conv1(x) * m.scale
    z = y + 1
    y.tanh_()
    return m.conv2(y) + z


def reads_result_twice(m, x):
    y = m.conv1(x + m.before)
    return y * m.scale + y


def reads_sum_elsewhere(m, x):
    biased = x + m.before
    return m.conv1(biased) + biased


def adds_in_place(m, x):
    y = m.conv2(x)
    y.add_(m.before)
    return m.conv1(y)


def adds_in_place_to_what_is_read(m, x):
    y = m.conv2(x)
    biased = y + m.before
    y.add_(m.after)
    return m.conv1(biased) + y


NEAR_MISSES = {
    "several elements": lambda m, x: m.conv1(x + m.many) * m.many + m.many,
    "another dimension": lambda m, x: (m.conv1(x) * m.deep)[0],
    "a number": lambda m, x: m.conv1(x + 0.5) * 2.0 + 1.0,
    "a buffer": lambda m, x: m.conv1(x + m.constant) * m.constant + m.constant,
    "a tensor that was computed": lambda m, x: m.conv1(x + m.before.exp()) * (m.scale * 2) + m.after.sum(),
    "a factor": lambda m, x: m.conv1(torch.add(x, m.before, alpha=2)),
    "a difference": lambda m, x: m.conv1(x - m.before) - m.after,
    "a product before": lambda m, x: m.conv1(x * m.before),
    "changes the sum": changes_sum,
    "changes x": changes_x,
    "changes a view of x": changes_view_of_x,
    "changes the result": changes_result,
    "reads the result twice": reads_result_twice,
    "reads the sum elsewhere": reads_sum_elsewhere,
    "adds in place": adds_in_place,
    "adds in place to what is read": adds_in_place_to_what_is_read,
    "in place later": in_place_later,
    "in place between": in_place_between,
    "a bias": None,
}


# Some of their scalars are folded, and others not.
PARTLY_FOLDED = {"in place later", "reads the result twice"}


def is_folded(model):
    return "shifted_conv" in model.forward.program().source


@pytest.mark.parametrize("name", FOLDED)
@pytest.mark.parametrize("channels", [24, 32])
def test_folded(name, channels):
    model = Scalars(FOLDED[name], channels=channels)
    converted = expect_same_step_of_used(model)
    source = converted.forward.program().source
    assert is_folded(converted) and not re.search(r"(before|scale|after)(_\d+)? [+*]|[+*] (before|scale|after)", source)


def expect_same_step_of_used(model):
    """Parameters that `compute` does not read have no gradients, which are not compared."""
    model(torch.randn(1, 16, 6, 6)).sum().backward()
    for name, value in list(model.named_parameters()):
        if value.grad is None and "." not in name:
            delattr(model, name)
        elif value.grad is None:
            value.requires_grad_(False)
    for module in (model.conv1, model.conv2):
        if not module.weight.requires_grad:
            module.weight = module.bias = None
    model.zero_grad()
    return expect_same_step(model, lambda: torch.randn(2, 16, 9, 7))


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_near_misses(name):
    model = Scalars(FOLDED["all"], bias=True) if name == "a bias" else Scalars(NEAR_MISSES[name])
    converted = expect_same_step_of_used(model)
    assert not is_folded(converted) or name in PARTLY_FOLDED


def test_a_scalar_that_becomes_many():
    model = sparsetrain.torch.convert(Scalars(FOLDED["only before"]))
    images = torch.randn(1, 16, 6, 6)
    model(images)
    assert is_folded(model)
    model.before = scalar(24, 1, 1)
    assert not is_folded(model)
    assert torch.allclose(model(images), type(model).forward(copy.deepcopy(model), images), rtol=1e-4, atol=1e-4)


def fixup_resnet():
    from torch_models import FixupResNet
    model = FixupResNet((1, 1, 1, 1), 10)
    for name, value in model.named_parameters():
        if value.numel() == 1:
            nn.init.uniform_(value, 0.5, 1.0) if name.endswith("scale") else nn.init.uniform_(value, -0.3, 0.3)
    return model


def test_a_fixup_resnet():
    converted = expect_same_step(fixup_resnet(), lambda: torch.randn(2, 3, 64, 64))
    report = sparsetrain.torch.report(converted)
    assert len(report.islands) == 1 and list(report.left_to_torch) == ["conv1"]
    for name, passes in report.convolutions.items():
        is_behind_max_pool = name in ("layer1.0.conv1", "layer1.0.downsample")
        assert passes["fwd"].operand == "src" and passes["fwd"].zeros > (0 if is_behind_max_pool else 5), name
    assert " + " not in converted.forward.program().source.split("to_blocked")[1].split("from_blocked")[0]


def test_torch_compile_takes_it():
    torch._dynamo.reset()
    model = fixup_resnet().eval()
    images = torch.randn(2, 3, 64, 64)
    expected = model(images)
    compiled = torch.compile(sparsetrain.torch.convert(model), backend="aot_eager", fullgraph=True)
    assert torch.allclose(compiled(images), expected, rtol=1e-3, atol=1e-3)
