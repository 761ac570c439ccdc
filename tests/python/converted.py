"""Converted models beside what stock torch computes, for tests of convert."""
import copy

import sparsetrain.torch
import torch
from torch import nn

# Results of stock torch and of ours differ in the order of their sums.
CLOSE = {"rtol": 1e-3, "atol": 1e-3}


class Block(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(32)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(32, 16, 1)

    def forward(self, x):
        return self.conv2(self.relu(self.norm(self.conv1(x))))


def images(n=2, channels=16, size=9):
    return torch.randn(n, channels, size, size)


def stock(model, *arguments):
    """What a model computes without us, its buffers unchanged."""
    return sparsetrain.torch.revert(copy.deepcopy(model))(*arguments)


def expect_converted(model, x=None):
    """It computes what stock torch does, by our operators."""
    x = images() if x is None else x
    expected = stock(model, x)
    found = model(x)
    assert torch.allclose(found, expected, **CLOSE)
    assert uses_ours(found)


def uses_ours(result):
    """Whether one of our operators is in the graph behind a result."""
    pending, seen = [result.grad_fn], set()
    while pending:
        node = pending.pop()
        if node is not None and node not in seen:
            seen.add(node)
            if "sparsetrain" in node.name():
                return True
            pending += [function for function, _ in node.next_functions]
    return False
