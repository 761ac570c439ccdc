"""SparseTrain: trains networks with ReLUs on CPUs, and skips the zeros. sparsetrain.torch speeds PyTorch up."""
from ._library import library

__all__ = ["info"]


class Info(dict):
    """Prints as a line per entry."""

    def __str__(self):
        width = max(map(len, self))
        return "\n".join(f"{key:<{width}}  {', '.join(value) if isinstance(value, list) else value}"
                         for key, value in self.items())

    __repr__ = __str__


def info():
    """What the library is, and what it runs on here: instruction set and microarchitecture "none" if it cannot."""
    found = library()
    return Info({
        "version": found.version().decode(),
        "halide": found.halide_version().decode(),
        "instruction_set": found.instruction_set().decode(),
        "microarchitecture": found.microarchitecture().decode(),
        "microarchitectures": found.names("microarchitecture_name"),
        "layer_classes": [layer.name.decode() for layer in found.layer_classes()],
        "library": str(found.path),
    })


def __getattr__(name):
    if name == "__version__":
        return library().version().decode()
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
