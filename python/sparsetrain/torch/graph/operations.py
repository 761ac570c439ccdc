"""What a node of a traced graph computes, where that is something that the library has."""
import functools
import operator
from dataclasses import dataclass, field

import torch
from torch import fx, nn
from torch.nn import functional

from ..._library import library
from .tracing import has_hooks, is_converted

LEAST_CHANNELS = 16


@dataclass
class Operation:
    kind: str
    module: nn.Module = None
    options: dict = field(default_factory=dict)
    is_in_place: bool = False

    @property
    def is_conv(self):
        return self.kind in ("conv", "shifted_conv")

    def inputs(self, node):
        """The nodes of the tensors that it reads."""
        if self.kind == "concat":
            return list(node.args[0])
        return list(node.args[:2]) if self.kind == "add" else [node.args[0]]


@dataclass
class Unsupported:
    """A convolution that stays torch's, and why."""
    reason: str


@functools.cache
def layer_classes():
    return {(layer.filter_h, layer.filter_w, layer.stride): bool(layer.backward_data) for layer in library().layer_classes()}


def padding_of(conv):
    """Top, left, bottom, right."""
    if conv.padding == "same":
        left, right, top, bottom = conv._reversed_padding_repeated_twice
        return top, left, bottom, right
    return (0, 0, 0, 0) if conv.padding == "valid" else (*conv.padding, *conv.padding)


def reason_against(conv, alone=False):
    """Why a convolution is left to torch; None if it is not. Alone, in no graph, it may have hooks."""
    top, left, bottom, right = padding_of(conv)
    rows, columns = conv.kernel_size
    reasons = {
        f"{conv.groups} groups": conv.groups != 1,
        f"dilation {conv.dilation}": conv.dilation != (1, 1),
        f"padding mode {conv.padding_mode}": conv.padding_mode != "zeros",
        f"fewer than {LEAST_CHANNELS} channels": min(conv.in_channels, conv.out_channels) < LEAST_CHANNELS,
        f"no kernels for {rows}x{columns} filters with stride {conv.stride}":
            not layer_classes().get((rows, columns, conv.stride[0])) or conv.stride[0] != conv.stride[1],
        "padding as large as the filter": max(top, bottom) >= rows or max(left, right) >= columns,
        "it has hooks": has_hooks(conv) and not alone,
        "its forward is another tool's": "forward" in conv.__dict__ and not is_converted(conv),
        **_reasons_of_memory(conv),
    }
    return next((reason for reason, is_true in reasons.items() if is_true), None)


def _reasons_of_memory(module):
    tensors = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    return {f"{tensor.dtype} on {tensor.device}": tensor.device.type != "cpu" or
            (tensor.is_floating_point() and tensor.dtype != torch.float32) for tensor in tensors}


def _is_plain(module):
    return not has_hooks(module) and "forward" not in module.__dict__ and not any(_reasons_of_memory(module).values())


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _conv(node, module):
    reason = reason_against(module)
    return Operation("conv", module) if reason is None else Unsupported(reason)


def _batch_norm(node, module):
    return Operation("batch_norm", module) if module.eps > 0 else None


def _relu(node, inplace):
    return Operation("relu", is_in_place=inplace)


def _max_pool(node, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    kernel, padding = pair(kernel_size), pair(padding)
    if pair(dilation) != (1, 1) or return_indices or kernel[0] * kernel[1] > 256:
        return None
    options = {"kernel": kernel, "stride": pair(stride or kernel_size), "padding": padding, "ceil_mode": bool(ceil_mode)}
    return Operation("max_pool", options=options)


def _average_pool(node, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    if ceil_mode or divisor_override:
        return None
    options = {"kernel": pair(kernel_size), "stride": pair(stride or kernel_size), "padding": pair(padding),
               "counts_padding": bool(count_include_pad)}
    return Operation("average_pool", options=options)


def _adaptive_pool(node, output_size):
    size = pair(output_size)
    return None if None in size else Operation("adaptive_pool", options={"size": size})


MODULES = {
    nn.Conv2d: _conv,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: lambda node, module: _relu(node, module.inplace),
    nn.MaxPool2d: lambda node, module: _max_pool(node, module.kernel_size, module.stride, module.padding, module.dilation,
                                                 module.ceil_mode, module.return_indices),
    nn.AvgPool2d: lambda node, module: _average_pool(node, module.kernel_size, module.stride, module.padding, module.ceil_mode,
                                                     module.count_include_pad, module.divisor_override),
    nn.AdaptiveAvgPool2d: lambda node, module: _adaptive_pool(node, module.output_size),
    nn.Dropout: lambda node, module: None if module.inplace else Operation("dropout", module),
    nn.Identity: lambda node, module: Operation("pass"),
}


def _add(node, is_in_place):
    a, b, *others = node.args
    if others or node.kwargs or not isinstance(a, fx.Node) or not isinstance(b, fx.Node):
        return None
    return Operation("add", is_in_place=is_in_place)


def _concat(node):
    tensors = node.args[0]
    dimension = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    if dimension != 1 or not isinstance(tensors, (list, tuple)):
        return None
    return Operation("concat")


def _with_options(make):
    return lambda node: make(node, *node.args[1:], **node.kwargs)


def _functional_relu(node, inplace=False):
    return _relu(node, inplace)


FUNCTIONS = {
    functional.relu: _with_options(_functional_relu),
    torch.relu: lambda node: _relu(node, False),
    torch.relu_: lambda node: _relu(node, True),
    functional.max_pool2d: _with_options(_max_pool),
    torch.max_pool2d: _with_options(_max_pool),
    functional.avg_pool2d: _with_options(_average_pool),
    functional.adaptive_avg_pool2d: _with_options(_adaptive_pool),
    operator.add: lambda node: _add(node, False),
    operator.iadd: lambda node: _add(node, True),
    torch.add: lambda node: _add(node, False),
    torch.cat: _concat,
}
METHODS = {
    "relu": lambda node: _relu(node, False),
    "relu_": lambda node: _relu(node, True),
    "add": lambda node: _add(node, False),
    "add_": lambda node: _add(node, True),
}


def operation_of(node, modules):
    """An Operation; Unsupported; or None."""
    if not node.args:
        return None
    if node.op == "call_module":
        module = modules[node.target]
        recognise = MODULES.get(type(module))
        if recognise is None or len(node.args) != 1 or node.kwargs:
            return None
        return recognise(node, module) if isinstance(module, nn.Conv2d) or _is_plain(module) else None
    recognise = {"call_function": FUNCTIONS, "call_method": METHODS}.get(node.op, {}).get(node.target)
    try:
        return recognise and recognise(node)
    except TypeError:  # arguments that the function has and we do not know
        return None
