"""torch's threads, and processes that fork."""
import os
import subprocess
import sys
import threading

import pytest
import sparsetrain.torch
import torch
from sparsetrain.torch import workspaces
from torch import nn
from torch.utils.data import DataLoader, Dataset


def small():
    return sparsetrain.torch.convert(nn.Sequential(nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3)))


def test_torch_says_how_many_threads():
    model, images = small(), torch.randn(4, 16, 12, 12)
    results = []
    for threads in (1, 2, 1):
        torch.set_num_threads(threads)
        results.append(model(images))
        assert workspaces._per_thread.workspace.threads == threads
        assert f"{threads} of torch's threads" in str(sparsetrain.torch.report(model))
    assert all(torch.allclose(result, results[0], atol=1e-5) for result in results)


def test_no_threads_of_our_own():
    code = ("import os, torch, sparsetrain.torch\n"
            "torch.set_num_threads(2)\n"
            "torch.randn(1000, 1000) @ torch.randn(1000, 1000); (torch.randn(1 << 22) + 1).sum()\n"
            "before = len(os.listdir('/proc/self/task'))\n"
            "model = sparsetrain.torch.convert(torch.nn.Sequential(torch.nn.Conv2d(32, 32, 3)))\n"
            "for _ in range(5): model(torch.randn(8, 32, 32, 32))\n"
            "print(len(os.listdir('/proc/self/task')) - before)")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


def test_several_threads_use_one_model():
    model, images = small(), [torch.randn(2, 16, 8, 8) for _ in range(4)]
    expected = [model(batch).detach() for batch in images]
    found = {}

    def run(i):
        for _ in range(10):
            found[i] = model(images[i]).detach()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.allclose(found[i], expected[i], atol=1e-5) for i in range(len(images)))


class Images(Dataset):
    """Its items come from a converted model, which workers use as well."""

    def __init__(self, model):
        self.model = model

    def __len__(self):
        return 6

    def __getitem__(self, i):
        with torch.no_grad():
            return self.model(torch.full((1, 16, 8, 8), float(i)))[0]


@pytest.mark.parametrize("is_used_before", [False, True])
def test_workers_of_a_data_loader(is_used_before):
    torch.set_num_threads(2)
    model = small()
    if is_used_before:
        model(torch.randn(8, 16, 32, 32)).sum().backward()
    expected = torch.stack([Images(model)[i] for i in range(6)]) if is_used_before else None
    loader = DataLoader(Images(model), batch_size=3, num_workers=2, multiprocessing_context="fork", timeout=60)
    found = torch.cat(list(loader))
    expected = torch.stack([Images(model)[i] for i in range(6)]) if expected is None else expected
    assert torch.allclose(found, expected, atol=1e-5)
    model(torch.randn(8, 16, 32, 32)).sum().backward()


def test_a_child_with_several_threads():
    """GNU's OpenMP would hang there: the library's own threads do the work."""
    torch.set_num_threads(2)
    model, images = small(), torch.randn(8, 16, 32, 32)
    with torch.no_grad():
        expected = model(images)
    child = os.fork()
    if child == 0:
        with torch.no_grad():
            result = torch.ops.sparsetrain.relu(torch.ops.sparsetrain.to_blocked(images), 16, 0)[0]
            os._exit(0 if result.shape == (8, 1, 32, 32, 16) else 1)
    assert os.waitpid(child, 0)[1] == 0
    with torch.no_grad():
        assert torch.allclose(model(images), expected, atol=1e-5)
