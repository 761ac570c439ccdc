"""Memory that is kept from step to step, and how much of it."""
import gc
import mmap
import os
import random
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
    """What waits."""
    pool.collect()
    return pool.touched_bytes() - pool.used_bytes


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


def test_sizes_that_change_leave_few_gaps(pool):
    """What waits and what is used are together hardly more than was in use at one time."""
    numbers_of, kept = random.Random(1), []
    before = resident_bytes()
    for _ in range(600):
        kept.append(numbers(numbers_of.randrange(SIZE, 8 * SIZE)).fill_(1))
        while len(kept) > 12:
            del kept[numbers_of.randrange(len(kept))]
    assert resident_bytes() - before <= 1.4 * pool.most_bytes
    kept.clear()
    assert 0 < free_bytes(pool) <= 1.4 * pool.most_bytes


def test_pieces_side_by_side_become_one():
    region = memory.Region(8 * SIZE)
    pieces = [region.take(SIZE) for _ in range(8)]
    assert pieces == [i * SIZE for i in range(8)] and region.take(1) is None
    for i in (1, 3, 2, 6):
        region.give_back(pieces[i], SIZE)
    assert region.free == [(SIZE, 4 * SIZE), (6 * SIZE, 7 * SIZE)]
    assert region.take(4 * SIZE) is None and region.take(3 * SIZE) == SIZE and region.take(SIZE) == 6 * SIZE
    for begin, size in ((0, SIZE), (7 * SIZE, SIZE), (6 * SIZE, SIZE), (SIZE, 3 * SIZE), (4 * SIZE, 2 * SIZE)):
        region.give_back(begin, size)
    assert region.is_empty()


def test_a_tensor_larger_than_a_region(pool, monkeypatch):
    monkeypatch.setattr(memory, "REGION_BYTES", 2 * SIZE)
    tensors = [numbers(factor * SIZE).fill_(factor) for factor in (1, 5, 1, 3)]
    assert all(bool((tensor == factor).all()) for tensor, factor in zip(tensors, (1, 5, 1, 3)))


def test_tensors_are_torchs_in_all_respects(pool):
    tensor = numbers(SIZE).zero_()
    tensor.add_(1).mul_(2)
    assert float(tensor.sum()) == 2 * tensor.numel() and tensor.is_contiguous() and tensor.data_ptr() % 64 == 0
    assert torch.equal(tensor.clone(), tensor) and torch.equal(torch.cat([tensor, tensor])[:5], tensor[:5])


def test_release_memory(pool):
    tensor, kept = numbers(3 * SIZE), numbers(SIZE).fill_(5)
    del tensor
    sparsetrain.torch.release_memory()
    assert SIZE <= pool.used_bytes == pool.most_bytes < 1.01 * SIZE
    assert bool((kept == 5).all())
    del kept
    sparsetrain.torch.release_memory()
    assert (pool.regions, pool.used_bytes, pool.most_bytes) == ([], 0, 0)


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
    monkeypatch.setattr(memory, "REGION_BYTES", SIZE)
    waiting = numbers(SIZE)
    del waiting

    def refuse(*arguments):
        raise OSError("Cannot allocate memory")
    monkeypatch.setattr(memory.mmap, "mmap", refuse)
    assert numbers(2 * SIZE).fill_(1).sum() == 2 * SIZE // 4
    assert (pool.regions, pool.used_bytes) == ([], 0)


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
    assert pool.used_bytes == 0 and all(region.is_empty() for region in pool.regions)


def test_a_child_has_what_its_tensors_use(pool):
    torch.set_num_threads(1)  # as GNU's OpenMP is not for children
    tensor, waiting = numbers(SIZE).fill_(3), numbers(SIZE).fill_(3)
    del waiting
    child = os.fork()
    if child == 0:
        is_right = free_bytes(pool) == 0 and bool((tensor == 3).all())
        tensor.fill_(4)
        del tensor
        os._exit(0 if is_right and SIZE <= free_bytes(pool) < 2 * SIZE and numbers(SIZE).numel() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert bool((tensor == 3).all()) and SIZE <= free_bytes(pool) < 2 * SIZE


def test_nothing_is_said_when_the_interpreter_ends():
    code = "from sparsetrain.torch import memory; tensor = memory.empty((9 << 20,)); cycle = [tensor]; cycle.append(cycle)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
