"""PyTorch models on SparseTrain: convert(model), and training goes faster."""
from . import operators  # noqa: F401
