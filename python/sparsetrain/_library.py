"""The shared library beside this file, and its errors as exceptions. Knows nothing of PyTorch."""
import ctypes
import functools
import os
import pathlib

from ._signatures import CALLS, QUERIES, LayerClass

C_VERSION = 1
FILE_NAME = "libsparsetrain_c.so"
EXCEPTIONS = {1: ValueError, 2: NotImplementedError, 3: MemoryError, 4: RuntimeError}


class Library:
    """Its functions, without their prefix: library.batch_norm(...). Calls release the interpreter's lock."""

    def __init__(self, path):
        self.path = path
        self.functions = ctypes.CDLL(str(path))
        for name, arguments in CALLS.items():
            self._bind(name, ctypes.c_int, arguments).errcheck = self._raise_errors
        for name, (result, *arguments) in QUERIES.items():
            self._bind(name, result, arguments)
        self.openmp_parallel_for = ctypes.cast(self.functions.sparsetrain_openmp_parallel_for, ctypes.c_void_p)
        if self.c_version() != C_VERSION:
            raise ImportError(f"{path}: expected version {C_VERSION} of the C interface, found {self.c_version()}")

    def _bind(self, name, result, arguments):
        function = getattr(self.functions, f"sparsetrain_{name}")
        function.restype, function.argtypes = result, list(arguments)
        setattr(self, name, function)
        return function

    def _raise_errors(self, status, function, arguments):
        if status != 0:
            raise EXCEPTIONS.get(status, RuntimeError)(self.error_text().decode())
        return status

    def layer_classes(self):
        return [self._layer_class(i) for i in range(self.layer_class_count())]

    def _layer_class(self, index):
        info = LayerClass()
        self.layer_class_info(index, info)
        return info

    def names(self, query):
        """What `query`, as microarchitecture_name, calls the numbers from 0 on."""
        found = []
        while (name := getattr(self, query)(len(found))) is not None:
            found.append(name.decode())
        return found


def library_path():
    """SPARSETRAIN_LIBRARY, if it is set, names the file of a build that is not installed."""
    return pathlib.Path(os.environ.get("SPARSETRAIN_LIBRARY") or pathlib.Path(__file__).parent / FILE_NAME)


@functools.cache
def library():
    path = library_path()
    if not path.is_file():
        raise ImportError(f"{path}: expected SparseTrain's shared library, found no file")
    return Library(path)
