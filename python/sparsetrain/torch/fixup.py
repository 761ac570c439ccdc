"""Fixup ResNet-50 (Zhang, Dauphin, Ma 2019), which torchvision does not have: scalars in place of batch normalisation."""
import torch
from torch import nn


def scalar(value):
    return nn.Parameter(torch.full((1,), value))


class FixupBottleneck(nn.Module):
    EXPANSION = 4

    def __init__(self, channels, planes, stride):
        super().__init__()
        for name in ("bias1a", "bias1b", "bias2a", "bias2b", "bias3a", "bias3b"):
            setattr(self, name, scalar(0.0))
        self.scale = scalar(1.0)
        self.conv1 = nn.Conv2d(channels, planes, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding=1, bias=False)
        self.conv3 = nn.Conv2d(planes, planes * self.EXPANSION, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        has_shortcut = stride == 1 and channels == planes * self.EXPANSION
        self.downsample = None if has_shortcut else nn.Conv2d(channels, planes * self.EXPANSION, 1, stride, bias=False)

    def forward(self, x):
        biased = x + self.bias1a
        y = self.relu(self.conv1(biased) + self.bias1b)
        y = self.relu(self.conv2(y + self.bias2a) + self.bias2b)
        y = self.conv3(y + self.bias3a) * self.scale + self.bias3b
        return self.relu(y + (x if self.downsample is None else self.downsample(biased)))


class FixupResNet(nn.Module):
    """Filters begin as torch's do, not as Fixup's, of which many are zero."""

    def __init__(self, blocks=(3, 4, 6, 3), num_classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bias1, self.bias2 = scalar(0.0), scalar(0.0)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)
        channels = 64
        for stage, count in enumerate(blocks):
            layer = []
            for i in range(count):
                layer.append(FixupBottleneck(channels, 64 << stage, 2 if stage > 0 and i == 0 else 1))
                channels = (64 << stage) * FixupBottleneck.EXPANSION
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layer))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.conv1(x) + self.bias1))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1) + self.bias2)
