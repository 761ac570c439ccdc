"""What programs call: operators of the library on blocked tensors, with the parameters of torch's modules.

They read modules anew in each call, so that whatever is assigned to these has its effect.
"""
import torch

from ..operators.relu import Gradient

OPS = torch.ops.sparsetrain
CONV, CONV_RELU = OPS.conv.default, OPS.conv_relu.default
SHIFTED_CONV, SHIFTED_CONV_RELU = OPS.shifted_conv.default, OPS.shifted_conv_relu.default
BATCH_NORM, BATCH_NORM_RELU = OPS.batch_norm.default, OPS.batch_norm_relu.default
BATCH_NORM_ADD_RELU = OPS.batch_norm_add_relu.default
LANES = 16


def to_blocked(src):
    return OPS.to_blocked.default(src)


def from_blocked(src, channels):
    if src.shape[2] == 1 and src.shape[3] == 1:
        return src.reshape(src.shape[0], -1, 1, 1)[:, :channels]
    return OPS.from_blocked.default(src, channels, False)


def size_of(src, channels, *dimension):
    """The size of a value in torch's layout."""
    size = torch.Size((src.shape[0], channels, src.shape[2], src.shape[3]))
    return size[dimension[0]] if dimension else size


def conv(module, src, mask, padding, is_rectified, site):
    return CONV(src, mask, module.weight, module.bias, module.stride[0], padding, is_rectified, site)


def conv_relu(module, src, mask, padding, is_rectified, gradient, site):
    return CONV_RELU(src, mask, module.weight, module.bias, module.stride[0], padding, is_rectified, gradient, site)


def shifted_conv(module, src, mask, padding, is_rectified, before, scale, after, site):
    return SHIFTED_CONV(src, mask, module.weight, before, scale, after, module.stride[0], padding, is_rectified, site)


def shifted_conv_relu(module, src, mask, padding, is_rectified, before, scale, after, gradient, site):
    return SHIFTED_CONV_RELU(src, mask, module.weight, before, scale, after, module.stride[0], padding, is_rectified, gradient,
                             site)


def _constants(module):
    """Mean and variance to normalise by, or none for those of the batch."""
    if module.training or module.running_mean is None:
        return None, None
    return module.running_mean, module.running_var


def _norm(module, src):
    count = src.shape[0] * src.shape[2] * src.shape[3]
    mean, variance = _constants(module)
    if mean is None and count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size "
                         f"{list(size_of(src, module.num_features))}")
    return count, (module.weight, module.bias, mean, variance, module.num_features, module.eps)


def _update(module, count, mean, variance):
    """What torch.nn.BatchNorm2d does with a batch's statistics."""
    if not (module.training and module.track_running_stats) or module.running_mean is None:
        return
    factor = module.momentum
    if module.num_batches_tracked is not None:
        module.num_batches_tracked.add_(1)
        if factor is None:
            factor = 1.0 / float(module.num_batches_tracked)
    if factor is None:
        factor = 0.0
    module.running_mean.mul_(1 - factor).add_(mean, alpha=factor)
    module.running_var.mul_(1 - factor).add_(variance, alpha=factor * count / (count - 1))


def batch_norm(module, src):
    count, norm = _norm(module, src)
    dst, mean, variance = BATCH_NORM(src, *norm)
    _update(module, count, mean, variance)
    return dst


def batch_norm_relu(module, src):
    count, norm = _norm(module, src)
    dst, mask, mean, variance = BATCH_NORM_RELU(src, *norm)
    _update(module, count, mean, variance)
    return dst, mask


def batch_norm_add_relu(module, src, addend):
    if src.shape != addend.shape:
        return relu(batch_norm(module, src) + addend, module.num_features, Gradient.RAW)
    count, norm = _norm(module, src)
    dst, mask, mean, variance = BATCH_NORM_ADD_RELU(src, addend, *norm)
    _update(module, count, mean, variance)
    return dst, mask


def relu(src, channels, gradient):
    return OPS.relu.default(src, channels, gradient)


def dropout(module, src, channels):
    """In torch's layout, where it drops what torch would, with the same random numbers."""
    if not module.training or module.p == 0:
        return src
    return to_blocked(module(from_blocked(src, channels)))


def add(a, b):
    return a + b


def add_relu(a, b, channels, gradient):
    if a.shape != b.shape:
        return relu(a + b, channels, gradient)
    return OPS.add_relu.default(a, b, channels, gradient)


def concat(*tensors):
    return torch.cat(tensors, 1)


def _overhang(size, kernel, stride, padding, ceil_mode):
    """How much further than its padding the last window reaches: windows begin in the image or the padding before it."""
    if not ceil_mode:
        return 0
    windows = -(-(size + 2 * padding - kernel) // stride) + 1
    if (windows - 1) * stride >= size + padding:
        windows -= 1
    return max(0, (windows - 1) * stride + kernel - size - 2 * padding)


def _window(src, kernel, stride, padding, ceil_mode=False):
    below, right = (_overhang(src.shape[2 + i], kernel[i], stride[i], padding[i], ceil_mode) for i in range(2))
    return [*kernel, *stride, *padding, padding[0] + below, padding[1] + right]


def max_pool(src, relu_mask, channels, kernel, stride, padding, ceil_mode):
    dst, mask, _ = OPS.max_pool.default(src, relu_mask, channels, _window(src, kernel, stride, padding, ceil_mode))
    return dst, mask


def average_pool(src, channels, kernel, stride, padding, counts_padding):
    return OPS.average_pool.default(src, channels, _window(src, kernel, stride, padding), counts_padding)


def adaptive_pool(src, relu_mask, channels, size):
    if size == (1, 1):
        return OPS.global_average_pool.default(src, relu_mask, channels)
    if src.shape[2:4] == size:
        return src
    return OPS.adaptive_average_pool.default(src, channels, list(size))
