"""PyTorch models on SparseTrain: convert(model), and training goes faster."""
from . import operators  # noqa: F401
from .conversion import convert, revert
from .memory import release_memory
from .reports import report

__all__ = ["convert", "release_memory", "report", "revert"]
