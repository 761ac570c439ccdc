"""Memory of large tensors, kept from step to step.

What is larger than 32 MB malloc takes from the system each time, in pages of 4 KB that are full of zeros, and gives back when
the tensor dies: of a step of ResNet-50 at batch 16 that is a tenth of its time. So blocks of such tensors wait here for others
of their size, never more of them than were in use at one time.
"""
import collections
import ctypes
import functools
import math
import mmap
import os
import threading

import torch

LEAST_BYTES = 32 << 20  # smaller ones malloc keeps itself
# All of a block's pages come with it, in one call. (Python has the last name from 3.10 on.)
PAGES_AT_ONCE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)


class Pool:
    def __init__(self):
        self.lock = threading.RLock()
        self.returned = collections.deque()  # (block, bytes) of tensors that died since a thread was last in here
        self.free = collections.OrderedDict()  # bytes: blocks of that size, those that were used last behind
        self.free_bytes = self.used_bytes = self.most_bytes = 0

    def take(self, size):
        """A block, or None if the system has no memory for it."""
        with self.lock:
            self.collect()
            block = self._free_block(size) or self._new_block(size)
            if block is not None:
                self.used_bytes += size
                self.most_bytes = max(self.most_bytes, self.used_bytes)
            return block

    def give_back(self, block, size):
        """Tensors may die, by the garbage collector, while their thread is in here: so they wait outside."""
        self.returned.append((block, size))

    def collect(self):
        with self.lock:
            while self.returned:
                block, size = self.returned.popleft()
                self.free.setdefault(size, []).append(block)
                self.free_bytes += size
                self.used_bytes -= size

    def release(self):
        """Gives all blocks that wait to the system, and forgets how many there were."""
        with self.lock:
            self.collect()
            self._trim(0)
            self.most_bytes = self.used_bytes

    def _free_block(self, size):
        blocks = self.free.get(size)
        if not blocks:
            return None
        self.free.move_to_end(size)
        self.free_bytes -= size
        return blocks.pop()

    def _new_block(self, size):
        self._trim(self.most_bytes - size - self.used_bytes)
        try:
            return mmap.mmap(-1, size, PAGES_AT_ONCE)
        except (OSError, OverflowError):
            self._trim(0)  # so that it may be there for torch
            return None

    def _trim(self, most_free):
        """Gives blocks to the system, first of sizes that nobody asked for lately."""
        while self.free_bytes > max(most_free, 0):
            size = next(iter(self.free))
            if not self.free[size]:
                del self.free[size]
                continue
            self.free[size].pop()
            self.free_bytes -= size


pool = Pool()


def release_memory():
    """Gives memory that waits for the next step's tensors back to the system."""
    pool.release()


def _leave_to_parent():
    """A child of fork() keeps what its tensors use: copies of blocks that wait would become its own, page by page."""
    pool.release()
    pool.lock.release()


# So that no other thread is in the middle of something when its process is copied.
os.register_at_fork(before=lambda: pool.lock.acquire(), after_in_parent=lambda: pool.lock.release(),
                    after_in_child=_leave_to_parent)


@functools.lru_cache(maxsize=256)
def _view_of_size(size):
    """A type of views of blocks that give these back when they die, with the tensor."""
    def give_back(view):
        view.pool.give_back(view.block, size)
    return type("View", (ctypes.c_char * size,), {"__del__": give_back})


def empty(size):
    """torch.empty(size) of float32, in memory of the pool if it is large. Where there is no more, torch says so."""
    count = math.prod(size)
    if 4 * count < LEAST_BYTES:
        return torch.empty(size)
    block = pool.take(4 * count)
    if block is None:
        return torch.empty(size)
    view = _view_of_size(4 * count).from_buffer(block)
    view.block, view.pool = block, pool  # which may be what is left when the interpreter ends
    return torch.frombuffer(view, dtype=torch.float32).view(size)
