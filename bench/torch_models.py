"""The networks that this project trains, as PyTorch computes them: what tests and benchmarks compare with.

Needs `pip install torch torchvision`.
"""
import torch
import torchvision
from torch import nn


def scalar(value):
    return nn.Parameter(torch.full((1,), value))


class FixupBottleneck(nn.Module):
    """A bottleneck with scalar biases and a scale in place of batch normalisation (arXiv 1901.09321)."""
    EXPANSION = 4

    def __init__(self, channels, planes, stride):
        super().__init__()
        dst_channels = planes * self.EXPANSION
        for name in ("bias1a", "bias1b", "bias2a", "bias2b", "bias3a", "bias3b"):
            self.register_parameter(name, scalar(0.0))
        self.scale = scalar(1.0)
        self.conv1 = nn.Conv2d(channels, planes, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.conv3 = nn.Conv2d(planes, dst_channels, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or channels != dst_channels:
            self.downsample = nn.Conv2d(channels, dst_channels, 1, stride=stride, bias=False)

    def forward(self, x):
        biased = x + self.bias1a
        h = self.relu(self.conv1(biased) + self.bias1b)
        h = self.relu(self.conv2(h + self.bias2a) + self.bias2b)
        h = self.conv3(h + self.bias3a) * self.scale + self.bias3b
        return self.relu(h + (x if self.downsample is None else self.downsample(biased)))


class FixupResNet(nn.Module):
    def __init__(self, blocks, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bias1 = scalar(0.0)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for i, count in enumerate(blocks):
            planes = 64 << i
            layer = []
            for j in range(count):
                layer.append(FixupBottleneck(channels, planes, stride=2 if i > 0 and j == 0 else 1))
                channels = planes * FixupBottleneck.EXPANSION
            self.add_module(f"layer{i + 1}", nn.Sequential(*layer))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.bias2 = scalar(0.0)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.conv1(x) + self.bias1))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1) + self.bias2)


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
