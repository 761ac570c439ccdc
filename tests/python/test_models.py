"""Whole models, converted, against stock torch."""
import pytest
import sparsetrain.torch
import torch
import torchvision
from models import Shapes, UNet, expect_same_step


def torchvision_model(name):
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    model = getattr(torchvision.models, name)(num_classes=10, **options)
    if name.startswith("vgg"):
        model.classifier = torch.nn.Linear(512 * 7 * 7, 10)  # the largest part, and not ours
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def quiet(model, gain=0.5):
    """Normalisation with different weights and biases in each channel."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, gain, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    return model


# How many islands, and convolutions that stay torch's.
MODELS = {"vgg11": (1, 1), "vgg16": (1, 1), "vgg16_bn": (1, 1), "resnet18": (1, 1), "resnet34": (1, 1), "resnet50": (1, 1),
          "wide_resnet50_2": (1, 1), "googlenet": (1, 1), "densenet121": (1, 1)}


@pytest.mark.parametrize("name", MODELS)
def test_torchvision(name):
    converted = expect_same_step(quiet(torchvision_model(name)), lambda: torch.randn(4, 3, 64, 64))
    found = sparsetrain.torch.report(converted)
    assert (len(found.islands), len(found.left_to_torch)) == MODELS[name]
    convolutions = [module for module in converted.modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(found.convolutions) + len(found.left_to_torch) == len(convolutions)


@pytest.mark.parametrize("size", [(1, 65, 63), (3, 64, 96), (2, 71, 77)])
def test_sizes_that_are_odd(size):
    n, h, w = size
    expect_same_step(quiet(torchvision_model("resnet18")).eval(), lambda: torch.randn(n, 3, h, w))


def test_channels_last():
    model = quiet(torchvision_model("resnet18")).to(memory_format=torch.channels_last)
    diff = torch.randn(2, 10)
    images = torch.randn(2, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    expected = model(images)
    expected.backward(diff)
    gradients = [value.grad.clone() for value in model.parameters()]
    model.zero_grad()
    found = sparsetrain.torch.convert(model)(images)
    found.backward(diff)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-3)
    for value, gradient in zip(model.parameters(), gradients):
        assert value.grad.stride() == value.stride()
        assert float((value.grad - gradient).norm()) <= 0.05 * float(gradient.norm()) + 1e-3


@pytest.mark.parametrize("size", [(2, 32, 32), (1, 35, 29)])
def test_unet(size):
    n, h, w = size
    converted = expect_same_step(quiet(UNet()), lambda: torch.randn(n, 3, h, w))
    found = sparsetrain.torch.report(converted)
    assert set(found.left_to_torch) == {"enter.0", "up", "classes"}
    assert found.left_to_torch["enter.0"] == "fewer than 16 channels"


def test_values_that_are_changed_in_place():
    expect_same_step(Shapes(), lambda: torch.randn(2, 16, 13, 13))


def test_batches_of_many_sizes():
    model = sparsetrain.torch.convert(torchvision_model("resnet18")).eval()
    for n in (4, 1, 3, 4, 7, 1):
        images = torch.randn(n, 3, 40, 40)
        with torch.no_grad():
            assert torch.allclose(model(images), type(model).forward(model, images), rtol=1e-3, atol=1e-4)


def test_no_plans_beyond_a_bound():
    model = sparsetrain.torch.convert(torch.nn.Sequential(torch.nn.Conv2d(16, 16, 3)))
    for size in range(3, 40):
        model(torch.randn(1, 16, size, 3))
    site, = model.forward.program().sites
    assert len(site.plans) <= 8
