"""Every test begins with the same random numbers and leaves torch's threads as they were."""
import pytest
import torch


@pytest.fixture(autouse=True)
def _same_start():
    torch.manual_seed(1)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
