"""torch.compile takes converted models, whole."""
import copy

import pytest
import sparsetrain.torch
import torch
import torchvision
from torch import nn


@pytest.fixture(autouse=True)
def _no_compiled_code():
    torch._dynamo.reset()


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_a_step(backend):
    model = nn.Sequential(nn.Conv2d(16, 32, 3, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Conv2d(32, 17, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    plain = copy.deepcopy(model)
    compiled = torch.compile(sparsetrain.torch.convert(model), backend=backend, fullgraph=True)
    for n in (2, 3, 5):
        images = torch.randn(n, 16, 9, 9)
        results = []
        for trainee in (plain, compiled):
            trainee.zero_grad()
            results.append(trainee(images))
            results[-1].square().sum().backward()
        assert torch.allclose(*results, rtol=1e-3, atol=1e-4)
        for value, expected in zip(model.parameters(), plain.parameters()):
            assert torch.allclose(value.grad, expected.grad, rtol=1e-2, atol=1e-3)
    for found, wanted in zip(model.buffers(), plain.buffers()):
        assert torch.allclose(found.float(), wanted.float(), rtol=1e-4)
    assert torch.allclose(compiled.eval()(images), plain.eval()(images), rtol=1e-3, atol=1e-4)
    assert "sparsetrain" in str(operators_of(model, images))


def operators_of(model, images):
    """What a compiled graph calls."""
    graphs = []
    torch._dynamo.reset()
    torch.compile(model, backend=lambda graph, inputs: graphs.append(graph.code) or graph.forward)(images)
    return graphs


def test_resnet():
    model = torchvision.models.resnet18(num_classes=10).eval()
    images = torch.randn(2, 3, 64, 64)
    expected = model(images)
    compiled = torch.compile(sparsetrain.torch.convert(model), backend="aot_eager", fullgraph=True)
    assert torch.allclose(compiled(images), expected, rtol=1e-3, atol=1e-3)


def test_copies_are_compiled_too():
    model = copy.deepcopy(sparsetrain.torch.convert(nn.Sequential(nn.Conv2d(16, 16, 3), nn.ReLU())))
    images = torch.randn(1, 16, 5, 5)
    assert torch.allclose(torch.compile(model, backend="eager")(images), sparsetrain.torch.revert(model)(images), atol=1e-5)


@pytest.mark.parametrize("operator, arguments", [
    ("to_blocked", lambda: (torch.randn(2, 17, 4, 4, requires_grad=True),)),
    ("relu", lambda: (torch.randn(1, 1, 3, 3, 16, requires_grad=True), 16, 0)),
    ("conv", lambda: (torch.randn(1, 1, 5, 5, 16, requires_grad=True), None, torch.randn(16, 16, 3, 3, requires_grad=True),
                      torch.randn(16, requires_grad=True), 1, [1, 1, 1, 1], False, 0)),
    ("batch_norm", lambda: (torch.randn(2, 1, 3, 3, 16, requires_grad=True), None, None, None, None, 16, 1e-5)),
    ("max_pool", lambda: (torch.randn(1, 1, 4, 4, 16, requires_grad=True), None, 16, [2, 2, 2, 2, 0, 0, 0, 0]))])
def test_registrations(operator, arguments):
    """Schema, fake tensors, autograd: torch's own checks of custom operators."""
    torch.library.opcheck(getattr(torch.ops.sparsetrain, operator).default, arguments(),
                          test_utils=("test_schema", "test_faketensor", "test_autograd_registration"))
