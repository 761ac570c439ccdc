"""Small networks for tests, beside torchvision's, and how far their gradients may be from those of float64."""
import copy
import pathlib
import sys

import sparsetrain.torch
import torch
from torch import nn
from torch.nn import functional

sys.path.append(str(pathlib.Path(__file__).parents[2] / "bench"))


class UNet(nn.Module):
    """Two levels, with a concatenation, a transposed convolution, an interpolation and a residual sum."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
        self.down = nn.Sequential(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU())
        self.inner = nn.Conv2d(32, 32, 3, padding=1)
        self.up = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.join = nn.Sequential(nn.Conv2d(32, 24, 3, padding=1), nn.GroupNorm(4, 24), nn.ReLU(inplace=True))
        self.leave = nn.Conv2d(24, 24, 1)
        self.classes = nn.Conv2d(24, 2, 1)

    def forward(self, x):
        a = self.enter(x)
        b = self.down(a)
        b = functional.relu(self.inner(b) + b)
        up = functional.interpolate(self.up(b), size=a.shape[2:], mode="nearest")
        y = self.join(torch.cat([a, up], dim=1))
        return self.classes(self.leave(y) + y)


class Shapes(nn.Module):
    """What makes graphs difficult: values that are changed in place, read twice, and whose sizes are asked for."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.conv3 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.identity = nn.Identity()
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)

    def forward(self, x):
        a = self.conv1(x)
        b = self.relu(a)
        c = self.norm(self.conv2(b))
        c += a  # which is b, too
        d = functional.hardtanh(self.identity(self.conv3(c)), inplace=True)
        e = self.conv2(d)
        e *= d.size(1)
        f = self.pool(self.relu(e + self.conv3(e)))
        return f.view(f.size(0), -1).mean(1) + functional.avg_pool2d(f, 2).sum((1, 2, 3))


def gradients_of(model, images, diff):
    model.zero_grad(set_to_none=True)
    result = model(images)
    result.backward(diff)
    return result.detach(), {name: value.grad for name, value in model.named_parameters()}


BATCHES = 4  # of which one has no ReLU that turns


def expect_same_step(model, make_images):
    """One step's result, gradients and buffers, of a copy of the model that is converted, against the model in float64.

    A ReLU whose sum is nearly zero may turn in float32, of stock torch's or ours, and changes gradients by more than any bound
    on sums. So ours may be a few times as far off as stock torch's, and there are some batches to try. Returns the copy.
    """
    misses = []
    for _ in range(BATCHES):
        converted = sparsetrain.torch.convert(copy.deepcopy(model))
        miss = step_that_differs(model, converted, make_images())
        if miss is None:
            return converted
        misses.append(miss)
    raise AssertionError(f"differs on every batch: {misses}")


def step_that_differs(model, converted, images, factor=4.0):
    """The name of what is further from float64 than `factor` times stock torch's worst, and by how much; or None."""
    double, plain = copy.deepcopy(model).double(), copy.deepcopy(model)
    diff = torch.randn_like(copy.deepcopy(model)(images))
    expected = results_of_step(double, images.double(), diff.double())
    of_stock = results_of_step(plain, images, diff)
    found = results_of_step(converted, images, diff)
    bound = factor * max(distance(of_stock[name], expected[name]) for name in expected) + 1e-5
    return next(((name, distance(found[name], expected[name]), bound) for name in expected
                 if not distance(found[name], expected[name]) <= bound), None)


def results_of_step(model, images, diff):
    result, gradients = gradients_of(model, images, diff)
    assert all(gradient.is_contiguous() for gradient in gradients.values())
    return {"the result": result, **gradients, **dict(model.named_buffers())}


def distance(found, expected):
    """Relative to the norm, but for gradients that are zero but for rounding, as of biases before a normalisation."""
    norm = float(expected.double().norm())
    return float((found.double() - expected.double()).norm()) / max(norm, 1e-3)
