"""PyTorch models on SparseTrain: convert(model), and training goes faster."""
from . import operators  # noqa: F401
from .conversion import convert, revert
from .reports import report

__all__ = ["convert", "report", "revert"]
