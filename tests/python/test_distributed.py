"""DistributedDataParallel on two processes, and the example that trains with it."""
import os
import pathlib
import re
import subprocess
import sys

import pytest
import torch
import torchvision

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples/pytorch/train.py"
STEP = """
import copy, sys
import torch, torchvision
from torch import distributed, nn
import sparsetrain.torch


def gradients(model, batches):
    trainee = nn.parallel.DistributedDataParallel(model, bucket_cap_mb=1)
    with trainee.no_sync():
        nn.functional.cross_entropy(trainee(batches[0][0]), batches[0][1]).backward()
    nn.functional.cross_entropy(trainee(batches[1][0]), batches[1][1]).backward()
    return [value.grad.clone() for value in trainee.parameters()]


def main():
    rank = distributed.get_rank()
    torch.manual_seed(1)
    model = torchvision.models.resnet18(num_classes=10).eval()  # in evaluation, so that batches do not couple
    ours = sparsetrain.torch.convert(copy.deepcopy(model))
    torch.manual_seed(2 + rank)
    batches = [(torch.randn(n, 3, 64, 64), torch.randint(10, (n,))) for n in (4, 3 - rank)]  # uneven
    of_stock, of_ours = gradients(model, batches), gradients(ours, batches)
    for one, other in zip(of_stock, of_ours):
        assert float((one - other).norm()) <= 1e-3 * float(one.norm()) + 1e-6
    everywhere = [torch.zeros(()) for _ in range(2)]
    distributed.all_gather(everywhere, sum(gradient.sum() for gradient in of_ours))
    assert everywhere[0] == everywhere[1]


distributed.init_process_group("gloo")
main()  # what it makes is gone before the group: a DistributedDataParallel that lives on keeps gloo's threads
distributed.destroy_process_group()
"""


def run(*command):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_on_two(*command):
    return run(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", *command)


def test_gradients_are_those_of_stock_torch(tmp_path):
    script = tmp_path / "step.py"
    script.write_text(STEP)
    run_on_two(str(script))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """22 pictures of two labels: the last batches are uneven."""
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(22):
        label = folder / "ab"[i % 2]
        label.mkdir(exist_ok=True)
        values = torch.randint(0, 256, (3, 40, 40), dtype=torch.uint8) // (1 + i % 2)
        torchvision.io.write_png(values, str(label / f"{i}.png"))
    return folder


def losses(text):
    return [float(found) for found in re.findall(r"loss ([\d.]+)", text)]


def test_the_example_alone_and_plain(pictures, tmp_path):
    options = [str(EXAMPLE), "--data", str(pictures), "--batch", "8", "--learning-rate", "0.01"]
    of_ours = losses(run(sys.executable, *options, "--checkpoint", str(tmp_path / "ours.pt")))
    of_stock = losses(run(sys.executable, *options, "--plain", "--checkpoint", str(tmp_path / "stock.pt")))
    assert len(of_ours) == 3 and of_ours == pytest.approx(of_stock, rel=2e-2)
    # A checkpoint goes from one to the other.
    later = losses(run(sys.executable, *options, "--plain", "--checkpoint", str(tmp_path / "ours.pt")))
    other = losses(run(sys.executable, *options, "--checkpoint", str(tmp_path / "stock.pt")))
    assert later == pytest.approx(other, rel=0.1)


def test_the_example_on_two_processes(pictures):
    text = run_on_two(str(EXAMPLE), "--data", str(pictures), "--batch", "4", "--accumulate", "2", "--workers", "1")
    assert len(losses(text)) == 3 and "1 of torch's threads" in text
