"""Training follows stock torch's: ResNet-18 on Fashion-MNIST."""
import copy
import gzip
import pathlib

import pytest
import sparsetrain.torch
import torch
import torchvision
from torch.nn import functional

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")  # of Debian's dataset-fashion-mnist
STEPS, BATCH, WINDOW = 100, 32, 10


def read_idx(name, header):
    values = bytearray(gzip.decompress((DATA / name).read_bytes()))
    return torch.frombuffer(values, dtype=torch.uint8)[header:]


def batches():
    """Three channels of 32x32 pixels."""
    images = read_idx("train-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)[:STEPS * BATCH].float() / 255 - 0.5
    images = functional.pad(images, (2, 2, 2, 2)).expand(-1, 3, -1, -1)
    labels = read_idx("train-labels-idx1-ubyte.gz", 8)[:STEPS * BATCH].long()
    return list(zip(images.split(BATCH), labels.split(BATCH)))


def losses_of(model, data):
    """Means of `WINDOW` steps each."""
    optimiser = torch.optim.SGD(model.parameters(), lr=0.005, momentum=0.9, weight_decay=1e-4)
    losses = []
    for images, labels in data:
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses).view(-1, WINDOW).mean(1)


def rounded_otherwise(model):
    """What stock torch might have computed as well, by other roundings."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for value in other.parameters():
            value.mul_(1 + 2.0 ** -23 * torch.randn_like(value).sign())
    return other


def distance(losses, others):
    """Root mean square."""
    return float((losses - others).square().mean().sqrt())


@pytest.mark.skipif(not DATA.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_losses_are_those_of_stock_torch():
    """Runs of stock torch that differ in roundings alone part after some steps. Ours is at most twice as far from one of them."""
    torch.set_num_threads(1)
    data = batches()
    model = torchvision.models.resnet18(num_classes=10)
    stock = torch.stack([losses_of(copy.deepcopy(model), data), *(losses_of(rounded_otherwise(model), data) for _ in range(2))])
    found = losses_of(sparsetrain.torch.convert(model), data)
    spread = max(distance(stock[i], stock[j]) for i in range(3) for j in range(i))
    assert min(distance(found, losses) for losses in stock) <= 2 * spread, f"{found}, stock's {stock}"
    assert found[-1] < 0.7 * found[0]
