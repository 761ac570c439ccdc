"""Memory that is kept from step to step, and how much of it."""
import gc
import mmap
import os
import subprocess
import sys
import threading

import pytest
import sparsetrain.torch
import torch
from sparsetrain.torch import memory

SIZE = 1 << 20


@pytest.fixture
def pool(monkeypatch):
    made = memory.Pool()
    monkeypatch.setattr(memory, "LEAST_BYTES", SIZE)
    monkeypatch.setattr(memory, "pool", made)
    return made


def numbers(bytes_):
    return memory.empty((bytes_ // 4,))


def free_bytes(pool):
    pool.collect()
    return pool.free_bytes


def test_a_tensor_that_died_leaves_its_memory_to_the_next(pool):
    tensor = numbers(SIZE)
    address = tensor.data_ptr()
    view = tensor[1:]
    del tensor
    assert free_bytes(pool) == 0 and numbers(SIZE).data_ptr() != address
    del view
    assert numbers(SIZE).data_ptr() == address


def test_small_tensors_are_torchs(pool):
    assert numbers(SIZE - 4).numel() and pool.used_bytes == 0


def test_no_more_waits_than_was_in_use_at_one_time(pool):
    for factor in (1, 2, 3, 2, 5, 1):
        tensor = numbers(factor * SIZE)
        assert pool.used_bytes + pool.free_bytes <= 5 * SIZE
        del tensor
        assert free_bytes(pool) <= pool.most_bytes


def test_tensors_are_torchs_in_all_respects(pool):
    tensor = numbers(SIZE).zero_()
    tensor.add_(1).mul_(2)
    assert float(tensor.sum()) == 2 * tensor.numel() and tensor.is_contiguous() and tensor.data_ptr() % 64 == 0
    assert torch.equal(tensor.clone(), tensor) and torch.equal(torch.cat([tensor, tensor])[:5], tensor[:5])


def test_release_memory(pool):
    tensor, kept = numbers(3 * SIZE), numbers(SIZE).fill_(5)
    del tensor
    sparsetrain.torch.release_memory()
    assert (free_bytes(pool), pool.used_bytes, pool.most_bytes) == (0, SIZE, SIZE)
    assert bool((kept == 5).all())
    del kept
    assert free_bytes(pool) == SIZE


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * mmap.PAGESIZE


def test_the_system_has_it_back():
    tensor = memory.empty((64 << 20,)).fill_(1)
    del tensor
    before = resident_bytes()
    sparsetrain.torch.release_memory()
    assert before - resident_bytes() >= 200 << 20


def test_where_the_system_has_no_more_torch_is_asked(pool, monkeypatch):
    waiting = numbers(SIZE)
    del waiting

    def refuse(*arguments):
        raise OSError("Cannot allocate memory")
    monkeypatch.setattr(memory.mmap, "mmap", refuse)
    assert numbers(2 * SIZE).fill_(1).sum() == 2 * SIZE // 4
    assert (free_bytes(pool), pool.used_bytes) == (0, 0)


@pytest.mark.parametrize("count", [1 << 50, 1 << 61])
def test_torch_says_what_cannot_be_had(pool, count):
    with pytest.raises(RuntimeError, match="memory|overflow"):
        memory.empty((count,))
    assert pool.used_bytes == 0


def test_tensors_may_die_while_others_are_made(pool):
    """As by the garbage collector, in the same thread and in others."""
    def run():
        for i in range(200):
            cycle = [numbers(SIZE * (1 + i % 3))]
            cycle.append(cycle)
            if i % 16 == 0:
                gc.collect()
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    pool.collect()
    assert pool.used_bytes == 0 and pool.free_bytes == sum(size * len(blocks) for size, blocks in pool.free.items())
    assert pool.free_bytes <= pool.most_bytes


def test_a_child_has_what_its_tensors_use(pool):
    torch.set_num_threads(1)  # as GNU's OpenMP is not for children
    waiting, tensor = numbers(SIZE), numbers(SIZE).fill_(3)
    del waiting
    child = os.fork()
    if child == 0:
        is_right = free_bytes(pool) == 0 and bool((tensor == 3).all())
        tensor.fill_(4)
        del tensor
        os._exit(0 if is_right and free_bytes(pool) == SIZE and numbers(SIZE).numel() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert bool((tensor == 3).all()) and free_bytes(pool) == SIZE


def test_nothing_is_said_when_the_interpreter_ends():
    code = "from sparsetrain.torch import memory; tensor = memory.empty((9 << 20,)); cycle = [tensor]; cycle.append(cycle)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
