"""Memory that is kept from step to step, and how much of it."""
import pytest
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


def test_a_tensor_that_died_leaves_its_memory_to_the_next(pool):
    tensor = numbers(SIZE)
    address = tensor.data_ptr()
    view = tensor[1:]
    del tensor
    assert pool.free_bytes == 0 and numbers(SIZE).data_ptr() != address
    del view
    assert numbers(SIZE).data_ptr() == address


def test_small_tensors_are_torchs(pool):
    assert numbers(SIZE - 4).numel() and pool.used_bytes == 0


def test_no_more_waits_than_was_in_use_at_one_time(pool):
    for factor in (1, 2, 3, 2, 5, 1):
        tensor = numbers(factor * SIZE)
        assert pool.used_bytes + pool.free_bytes <= 5 * SIZE
        del tensor
        assert pool.free_bytes <= pool.most_bytes


def test_tensors_are_torchs_in_all_respects(pool):
    tensor = numbers(SIZE).zero_()
    tensor.add_(1).mul_(2)
    assert float(tensor.sum()) == 2 * tensor.numel() and tensor.is_contiguous() and tensor.data_ptr() % 64 == 0
    assert torch.equal(tensor.clone(), tensor) and torch.equal(torch.cat([tensor, tensor])[:5], tensor[:5])
