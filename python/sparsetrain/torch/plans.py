"""Plans of convolutions, kept per place in a model, and what their last calls did."""
import ctypes
import functools
import itertools
import time
import weakref
from dataclasses import dataclass, field

from .._library import library
from .._signatures import ConvShape, Run, Shape, WeightsShape

MOST_PLANS = 8  # of a site: batches of a few sizes, images of a few


class Plan:
    """For src [n, c, h, w], k output channels, an r x s filter, a stride, and padding top, left, bottom, right."""

    def __init__(self, key, policy):
        n, c, h, w, k, r, s, stride, *padding = key
        self.shape = ConvShape(Shape(n, c, h, w), k, r, s, stride, *padding)
        self.handle = ctypes.c_void_p()
        self._destroy = library().conv_destroy
        library().conv_create(self.shape, policy.encode(), None, self.handle)

    def __del__(self):
        if self.handle:
            self._destroy(self.handle)


class Weights:
    """Master weights for one call, as the library takes them. A context manager."""

    def __init__(self, master, shape):
        self.master, self.shape = master, shape
        self.handle = ctypes.c_void_p()

    def __enter__(self):
        library().weights_create(self.master.data_ptr(), self.shape, 0, self.handle)
        return self.handle

    def __exit__(self, *exception):
        library().weights_destroy(self.handle)


@functools.lru_cache(maxsize=1024)
def weights_shape(k, c, r, s):
    return WeightsShape(k, c, r, s)


@dataclass
class Pass:
    """What the last call of a pass did, and how long it took."""
    run: Run
    milliseconds: float


_numbers = itertools.count(1)
_sites = weakref.WeakValueDictionary()


@dataclass(eq=False)
class Site:
    """Where in a model a convolution is. Operators know it by its number, which a compiled graph can hold."""
    name: str
    policy: str = "auto"
    number: int = field(default_factory=lambda: next(_numbers))
    plans: dict = field(default_factory=dict)
    passes: dict = field(default_factory=dict)  # by the name of the pass's function

    def __post_init__(self):
        _sites[self.number] = self

    def plan(self, key):
        found = self.plans.get(key)
        if found is None:
            found = Plan(key, self.policy)
            while len(self.plans) >= MOST_PLANS:
                self.plans.pop(next(iter(self.plans)), None)
            self.plans[key] = found
        return found

    def call(self, name, *arguments):
        """A pass of the library: `arguments` without its last one, which says what ran."""
        run = Run()
        begin = time.perf_counter()
        getattr(library(), name)(*arguments, run)
        self.passes[name] = Pass(run, (time.perf_counter() - begin) * 1000)


_anywhere = Site("", number=0)


def site_of(number):
    """Of a number that no site has any longer, and of 0, one that all share."""
    return _sites.get(number, _anywhere)
