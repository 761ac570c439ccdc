"""Models that convert(model) converts in parts, and what it leaves to torch."""
import copy
import random
import re

import pytest
import sparsetrain.torch
import torch
import torch.utils.checkpoint
from converted import CLOSE, Block, expect_converted, images, stock, uses_ours
from torch import nn


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Block(), Block()

    def forward(self, x):
        return self.second(torch.utils.checkpoint.checkpoint(self.first, x, use_reentrant=False))


class ByValue(Checkpointed):
    def forward(self, x):
        return self.second(x) if x.sum() > 0 else self.first(x)


class Counting(Checkpointed):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return self.second(self.first(x))


class ByChance(Checkpointed):
    def forward(self, x):
        return self.second(x) if random.random() < 0.5 else self.first(x)


@pytest.mark.parametrize("make", [Checkpointed, ByValue, Counting, ByChance])
def test_models_that_cannot_be_traced_are_converted_in_parts(make):
    model = make()
    state = random.getstate()
    sparsetrain.torch.convert(model)
    assert random.getstate() == state
    x = images()
    random.seed(3)
    expected = stock(model, x)
    random.seed(3)
    found = model(x)
    assert torch.allclose(found, expected, **CLOSE)
    found.square().sum().backward()
    report = sparsetrain.torch.report(model)
    assert list(report.untraceable) == [""] and set(report.convolutions) == {
        f"{block}.{conv}" for block in ("first", "second") for conv in ("conv1", "conv2")}
    assert model.__dict__.get("calls", 1) == 1


class ByList(nn.Module):
    """Not even its parts can be traced: convolutions alone."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([nn.Conv2d(16, 16, 3), nn.Conv2d(16, 16, 3, groups=2), nn.Conv2d(16, 16, 1)])

    def forward(self, x):
        for part in self.parts:
            x = part(x) if float(x.detach().sum()) != 0 else x
        return x


def test_convolutions_alone():
    model = sparsetrain.torch.convert(ByList())
    expect_converted(model)
    report = sparsetrain.torch.report(model)
    assert set(report.convolutions) == {"parts.0", "parts.2"} and report.left_to_torch == {"parts.1": "2 groups"}
    expect_converted(sparsetrain.torch.convert(nn.Conv2d(16, 16, 3)))


class WithOptions(Block):
    def forward(self, x, scale=1.0, addend=None, *, flag=False):
        y = super().forward(x) * scale
        return {"result": y if addend is None else y + addend, "flag": flag}


def test_arguments_with_defaults_and_results_of_any_kind():
    model, x = sparsetrain.torch.convert(WithOptions()), images()
    assert uses_ours(model(x)["result"]) and uses_ours(model(x=x)["result"])
    plain = sparsetrain.torch.revert(copy.deepcopy(model))
    for options in ({}, {"scale": 2.0}, {"addend": torch.ones(())}, {"flag": True}):
        found, expected = model(x, **options), plain(x, **options)
        assert found["flag"] is expected["flag"] and torch.allclose(found["result"], expected["result"], **CLOSE)


@pytest.mark.parametrize("conv, reason", [
    (nn.Conv2d(16, 16, 3, groups=4), "4 groups"),
    (nn.Conv2d(16, 16, 3, dilation=2), r"dilation \(2, 2\)"),
    (nn.Conv2d(3, 16, 3), "fewer than 16 channels"),
    (nn.Conv2d(16, 8, 3), "fewer than 16 channels"),
    (nn.Conv2d(16, 16, (1, 7)), "no kernels for 1x7 filters"),
    (nn.Conv2d(16, 16, 3, stride=(1, 2)), r"no kernels for 3x3 filters with stride \(1, 2\)"),
    (nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect"), "padding mode reflect"),
    (nn.Conv2d(16, 16, 1, padding=1), "padding as large as the filter"),
    (nn.Conv2d(16, 16, 3, dtype=torch.float64), "torch.float64 on cpu"),
    (nn.ConvTranspose2d(16, 16, 3), "ConvTranspose2d")])
def test_what_is_left_to_torch_is_said(conv, reason):
    model = sparsetrain.torch.convert(nn.Sequential(conv))
    report = sparsetrain.torch.report(model)
    assert re.search(reason, report.left_to_torch["0"]) and re.search(reason, str(report)) and not report.convolutions
    x = images(channels=conv.in_channels).to(conv.weight.dtype)
    assert torch.equal(model(x), stock(model, x))


@pytest.mark.parametrize("padding", ["same", "valid", 0, 2, (1, 0)])
def test_padding_of_every_kind(padding):
    expect_converted(sparsetrain.torch.convert(nn.Sequential(nn.Conv2d(16, 16, 3, padding=padding))))
