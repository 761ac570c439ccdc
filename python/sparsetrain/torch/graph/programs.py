"""A program: the forward of a model as generated code, its islands blocked."""
import linecache
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.modules import module as hooks_of_all

from ..plans import Site
from . import aliases, calls, fusion, islands, scalars
from .emission import Emitter
from .operations import operation_of, padding_of, reason_against
from .tracing import has_hooks, trace

FRESH_MODULES = (nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm, nn.modules.pooling._MaxPoolNd)


@dataclass
class Program:
    function: object  # (model, *arguments)
    source: str
    sites: list
    arguments: list  # their names
    images: set = field(default_factory=set)  # the names of those that are to be [N, C, H, W]
    islands: list = field(default_factory=list)  # names of modules in each
    left: dict = field(default_factory=dict)  # name of a convolution: why it is torch's
    leaves: list = field(default_factory=list)  # modules that it calls, which may have islands of their own

    def arguments_of(self, given, named):
        """The arguments of a call in their order, if the program is meant for it; torch's own forward serves other calls."""
        if len(given) + len(named) != len(self.arguments) or torch.is_autocast_enabled("cpu") or _has_hooks_of_all():
            return None
        if named:
            if not set(named).issuperset(self.arguments[len(given):]):
                return None
            given = [*given, *(named[name] for name in self.arguments[len(given):])]
        fits = all(_is_images(value) for name, value in zip(self.arguments, given) if name in self.images)
        return given if fits else None


def _has_hooks_of_all():
    return bool(hooks_of_all._global_forward_hooks or hooks_of_all._global_forward_pre_hooks
                or hooks_of_all._global_backward_hooks or hooks_of_all._global_backward_pre_hooks)


def _is_images(value):
    return (isinstance(value, torch.Tensor) and value.dim() == 4 and value.dtype == torch.float32
            and value.device.type == "cpu" and value.layout == torch.strided and value.numel() > 0)


def make_program(model, policy):
    """Throws Untraceable."""
    if type(model) is nn.Conv2d:
        return _convolution_alone(model, policy)
    graph = trace(model)
    modules = dict(model.named_modules(remove_duplicate=False))
    found = {node: operation for node in graph.nodes if (operation := operation_of(node, modules)) is not None}
    operations, left = islands.split(found)
    aliases.skip_passed(graph, operations)
    aliases.settle(graph, operations, lambda node: _is_fresh(node, operations, modules))
    scalars.fold(graph, operations, modules)
    channels = islands.channels_of(graph, operations, modules)
    excluded = aliases.changed_elsewhere(graph, operations, modules)
    inside = islands.find(graph, operations, channels, excluded)
    steps = [step for island in inside for step in fusion.steps_of(graph, island, operations)]
    emitter = Emitter(graph, steps, channels, modules, policy)
    return Program(*_compiled(emitter.emit()), emitter.sites, _arguments(graph), _images(graph, operations, modules),
                   [_module_names(graph, island) for island in inside], _left(left, excluded, operations),
                   _leaves(graph, operations, modules))


def _convolution_alone(module, policy):
    reason = reason_against(module, alone=True)
    if reason is not None:
        return Program(type(module).forward, "", [], ["input"], left={"": reason})
    site, padding = Site("", policy), list(padding_of(module))

    def forward(self, src):
        dst = calls.conv(self, calls.to_blocked(src), None, padding, False, site.number)
        return calls.from_blocked(dst, self.out_channels)
    return Program(forward, "", [site], ["input"], {"input"}, [[""]])


def _module_names(graph, nodes):
    return [node.target for node in graph.nodes if node in nodes and node.op == "call_module"]


def _left(left, excluded, operations):
    reasons = {node.target: unsupported.reason for node, unsupported in left.items()}
    reasons.update({node.target: "its result is changed in place" for node in excluded if operations[node].is_conv})
    return reasons


def _is_fresh(node, operations, modules):
    """Whether a value is in memory that only it has."""
    return node in operations or (node.op == "call_module" and isinstance(modules[node.target], FRESH_MODULES))


def _leaves(graph, operations, modules):
    called = [modules[node.target] for node in graph.nodes if node.op == "call_module" and node not in operations]
    return [module for module in called if type(module) is not nn.Conv2d or has_hooks(module)]


def _arguments(graph):
    return [node.target for node in graph.nodes if node.op == "placeholder"]


def _images(graph, operations, modules):
    return {node.target for node in graph.nodes if node.op == "placeholder" and any(
        user in operations or (user.op == "call_module" and isinstance(modules[user.target], FRESH_MODULES))
        for user in node.users)}


def _compiled(graph):
    code = graph.python_code(root_module="self")
    name = f"<sparsetrain {id(graph)}>"
    linecache.cache[name] = len(code.src), None, code.src.splitlines(True), name
    namespace = dict(code.globals)
    exec(compile(code.src, name, "exec"), namespace)  # noqa: S102 (what torch.fx generates)
    return namespace["forward"], code.src
