"""The library's operators as torch.ops.sparsetrain.*, on blocked tensors (see blocked.py), with autograd."""
from . import batch_norm, convolution, layout, pools, relu, shifted_convolution  # noqa: F401
