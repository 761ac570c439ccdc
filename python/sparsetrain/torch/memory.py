"""Memory of large tensors, kept from step to step.

malloc gives large blocks back to the system when tensors die, and takes them anew in each step, in pages of 4 KB that are full
of zeros: of a step of ResNet-50 at batch 16 that is a tenth of its time. So these tensors lie in regions that stay, at the
lowest address that is free, and the system may back them by huge pages.
"""
import bisect
import collections
import contextlib
import ctypes
import functools
import math
import mmap
import os
import threading

import torch

LEAST_BYTES = 1 << 20  # smaller ones are malloc's
REGION_BYTES = 1 << 30  # of addresses: a page comes when it is first written
HUGE_PAGE = 2 << 20
# So that tensors are not whole pages apart: loads from one could wait for stores to the other ("4K aliasing").
SPACING = 320
ALIGNMENT = 64


class Region:
    def __init__(self, size):
        """Throws OSError where the system refuses."""
        self.memory = mmap.mmap(-1, size + HUGE_PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.begin = -ctypes.addressof(ctypes.c_char.from_buffer(self.memory)) % HUGE_PAGE
        self.size = size
        self.free = [(0, size)]  # (begin, end), by address; two are never neighbours
        self.touched = 0  # what lies behind was not written since it came from the system
        with contextlib.suppress(OSError):  # of a system without them
            self.memory.madvise(mmap.MADV_HUGEPAGE, self.begin, size // HUGE_PAGE * HUGE_PAGE)

    def take(self, size):
        """The lowest begin of a free piece; None if there is none."""
        for i, (begin, end) in enumerate(self.free):
            if end - begin >= size:
                self.free[i:i + 1] = [(begin + size, end)] if end - begin > size else []
                self.touched = max(self.touched, begin + size)
                return begin
        return None

    def give_back(self, begin, size):
        end, i = begin + size, bisect.bisect(self.free, (begin,))
        first = last = i
        if i > 0 and self.free[i - 1][1] == begin:
            first, begin = i - 1, self.free[i - 1][0]
        if i < len(self.free) and self.free[i][0] == end:
            last, end = i + 1, self.free[i][1]
        self.free[first:last] = [(begin, end)]

    def is_empty(self):
        return self.free == [(0, self.size)]

    def drop_free(self):
        """Gives whole free pages to the system."""
        for begin, end in self.free:
            first = -(-(self.begin + begin) // mmap.PAGESIZE) * mmap.PAGESIZE
            last = (self.begin + min(end, self.touched)) // mmap.PAGESIZE * mmap.PAGESIZE
            if first < last:
                self.memory.madvise(mmap.MADV_DONTNEED, first, last - first)
        if self.free and self.free[-1][1] == self.size:
            self.touched = min(self.touched, self.free[-1][0])


class Pool:
    def __init__(self):
        self.lock = threading.RLock()
        self.returned = collections.deque()  # what died since a thread was last in here, as `take` gave it
        self.regions = []
        self.used_bytes = self.most_bytes = 0

    def take(self, size):
        """A region, where in it, and how many bytes; None if the system has no memory for it."""
        size = -(-size // ALIGNMENT) * ALIGNMENT + SPACING
        with self.lock:
            self.collect()
            region, begin = self._find(size)
            if region is None:
                return None
            self.used_bytes += size
            self.most_bytes = max(self.most_bytes, self.used_bytes)
            # Else gaps that nothing fits in could become more and more.
            if self.touched_bytes() > 1.25 * self.most_bytes:
                self._drop_free()
            return region, begin, size

    def give_back(self, piece):
        """Tensors may die, by the garbage collector, while their thread is in here: so they wait outside."""
        self.returned.append(piece)

    def collect(self):
        with self.lock:
            while self.returned:
                region, begin, size = self.returned.popleft()
                region.give_back(begin, size)
                self.used_bytes -= size

    def touched_bytes(self):
        return sum(region.touched for region in self.regions)

    def release(self):
        """Gives all that waits to the system, and forgets how much there was."""
        with self.lock:
            self.collect()
            self._drop_free()
            self.most_bytes = self.used_bytes

    def _drop_free(self):
        self.regions = [region for region in self.regions if not region.is_empty()]
        for region in self.regions:
            region.drop_free()

    def _find(self, size):
        for region in self.regions:
            begin = region.take(size)
            if begin is not None:
                return region, begin
        for region_bytes in (max(size, REGION_BYTES), size):
            try:
                self.regions.append(Region(region_bytes))
                return self.regions[-1], self.regions[-1].take(size)
            except (OSError, OverflowError):
                self._drop_free()  # so that it may be there for the next, or for torch
        return None, None


pool = Pool()


def release_memory():
    """Gives memory that waits for the next step's tensors back to the system."""
    pool.release()


def _leave_to_parent():
    """A child of fork() keeps what its tensors use: copies of what waits would become its own, page by page."""
    pool.release()
    pool.lock.release()


# So that no other thread is in the middle of something when its process is copied.
os.register_at_fork(before=lambda: pool.lock.acquire(), after_in_parent=lambda: pool.lock.release(),
                    after_in_child=_leave_to_parent)


@functools.lru_cache(maxsize=256)
def _view_of_size(size):
    """A type of views of regions that give their piece back when they die, with the tensor."""
    def give_back(view):
        view.pool.give_back(view.piece)
    return type("View", (ctypes.c_char * size,), {"__del__": give_back})


def empty(size):
    """torch.empty(size) of float32, in memory of the pool if it is large. Where there is no more, torch says so."""
    count = math.prod(size)
    if 4 * count < LEAST_BYTES:
        return torch.empty(size)
    piece = pool.take(4 * count)
    if piece is None:
        return torch.empty(size)
    region, begin, _ = piece
    view = _view_of_size(4 * count).from_buffer(region.memory, region.begin + begin)
    view.piece, view.pool = piece, pool  # which may be what is left when the interpreter ends
    return torch.frombuffer(view, dtype=torch.float32).view(size)
