"""A workspace per thread, on torch's own threads where the process has an OpenMP runtime."""
import ctypes
import os
import threading

import torch

from .._library import library

MOST_THREADS = 256


class Workspace:
    def __init__(self, threads, parallel_for):
        self.handle = ctypes.c_void_p()
        self.threads = threads
        self._destroy = library().workspace_destroy
        library().workspace_create(threads, parallel_for, None, self.handle)

    def set_threads(self, threads):
        library().workspace_set_threads(self.handle, threads)
        self.threads = threads

    def __del__(self):
        if self.handle:
            self._destroy(self.handle)


class _PerThread(threading.local):
    workspace = None


_per_thread = _PerThread()
_is_forked = False


def _forget_workspaces():
    # GNU's OpenMP is not for a child whose parent has used it: there, the library's own threads work.
    global _is_forked, _per_thread
    _is_forked = True
    _per_thread = _PerThread()


os.register_at_fork(after_in_child=_forget_workspaces)


def uses_openmp():
    return not _is_forked and library().has_openmp() != 0


def workspace():
    """The handle of the calling thread's workspace, with as many threads as torch has now."""
    threads = min(torch.get_num_threads(), MOST_THREADS)
    found = _per_thread.workspace
    if found is None:
        found = Workspace(threads, library().openmp_parallel_for if uses_openmp() else None)
        _per_thread.workspace = found
    elif found.threads != threads:
        found.set_threads(threads)
    return found.handle
