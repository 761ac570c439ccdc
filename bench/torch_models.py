"""The networks that this project trains, as PyTorch computes them: what tests and benchmarks compare with.

Needs `pip install torch torchvision`.
"""
import pathlib
import runpy

import torch
import torchvision
from torch import nn

# The file alone: the package around it needs the library.
FixupResNet = runpy.run_path(pathlib.Path(__file__).parents[1] / "python/sparsetrain/torch/fixup.py")["FixupResNet"]


class VggSmall(nn.Module):
    """Takes images of one channel and 28x28 pixels."""
    LAYERS = ((64, 64), (128, 128, 128), (256, 256))  # channels of convolutions, with max pools in between

    def __init__(self, num_classes):
        super().__init__()
        channels, number = 1, 0
        for group in self.LAYERS:
            for dst_channels in group:
                number += 1
                self.add_module(f"conv{number}", nn.Conv2d(channels, dst_channels, 3, padding=1))
                channels = dst_channels
        self.fc = nn.Linear(channels * 7 * 7, num_classes)

    def forward(self, x):
        convolutions = iter(module for module in self.children() if isinstance(module, nn.Conv2d))
        for i, group in enumerate(self.LAYERS):
            if i > 0:
                x = nn.functional.max_pool2d(x, 2)
            for _ in group:
                x = nn.functional.relu(next(convolutions)(x))
        return self.fc(torch.flatten(x, 1))


MODELS = {
    "vgg16": lambda classes, dropout: torchvision.models.vgg16(num_classes=classes, dropout=dropout),
    "resnet18": lambda classes, dropout: torchvision.models.resnet18(num_classes=classes),
    "resnet34": lambda classes, dropout: torchvision.models.resnet34(num_classes=classes),
    "resnet50": lambda classes, dropout: torchvision.models.resnet50(num_classes=classes),
    "fixup_resnet50": lambda classes, dropout: FixupResNet((3, 4, 6, 3), classes),
    "vgg-small": lambda classes, dropout: VggSmall(classes),
}


def make_model(name, classes, dropout=0.5):
    """In training mode. Only VGG-16 has dropout."""
    return MODELS[name](classes, dropout).train()
