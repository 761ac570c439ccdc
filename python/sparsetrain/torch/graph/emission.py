"""The graph of a program: a traced graph, whose islands call the library and whose other nodes are as they were."""
import operator
from dataclasses import dataclass

from torch import fx

from ..plans import Site
from . import calls
from .fusion import gradient_of, is_global
from .operations import padding_of


@dataclass
class Value:
    """A blocked value in the new graph. Its mask is None if it has none; a rectified value's is that of its ReLU."""
    tensor: fx.Node
    channels: int
    mask: fx.Node = None
    is_rectified: bool = False

    @property
    def relu_mask(self):
        return self.mask if self.is_rectified else None


class Emitter:
    def __init__(self, graph, steps, channels, modules, policy):
        self.old, self.new = graph, fx.Graph()
        self.steps = {step.node: step for step in steps}
        self.absorbed = {node: step for step in steps for node in step.absorbed}
        self.readers = self._readers(steps)
        self.channels, self.modules, self.policy = channels, modules, policy
        self.plain, self.blocked = {}, {}  # by nodes of the old graph
        self.sites = []

    def _readers(self, steps):
        """Of each value: the steps that read it, and None for nodes of torch's."""
        readers = {node: [] for node in self.old.nodes}
        inside = {node for step in steps for node in [step.node, *step.absorbed]}
        for step in steps:
            for source in step.inputs:
                readers[source].append(step)
        for node in self.old.nodes:
            for source in node.all_input_nodes if node not in inside else ():
                readers[source].append(None)
        return readers

    def emit(self):
        for node in self.old.nodes:
            if node in self.steps:
                self.blocked[node] = self._step(self.steps[node])
            elif node in self.absorbed:
                self._convert_read(node, self.absorbed[node])
            else:
                self.plain[node] = self._torch_node(node)
        return self.new

    def _convert_read(self, node, step):
        """What a step's earlier nodes read is converted where they stand: its memory may change before the last."""
        for source in node.all_input_nodes:
            if source in step.inputs:
                self.blocked_of(source)

    def _torch_node(self, node):
        if self._asks_for_size(node):
            value = self.blocked[node.args[0]]
            return self._call(calls.size_of, value.tensor, value.channels, *node.args[1:] if node.op == "call_method" else ())
        return self.new.node_copy(node, self.plain_of)

    def _asks_for_size(self, node):
        if not node.args or node.args[0] not in self.blocked:
            return False
        if node.op == "call_method":
            return node.target == "size" and not node.kwargs
        return node.op == "call_function" and node.target is getattr and node.args[1] == "shape"

    def plain_of(self, node):
        """A value in torch's layout."""
        if node not in self.plain:
            value = self.blocked[node]
            self.plain[node] = self._call(calls.from_blocked, value.tensor, value.channels)
        return self.plain[node]

    def blocked_of(self, node):
        if node not in self.blocked:
            self.blocked[node] = Value(self._call(calls.to_blocked, self.plain[node]), self.channels[node])
        return self.blocked[node]

    def _call(self, function, *arguments):
        return self.new.call_function(function, arguments)

    def _with_mask(self, result, channels, is_rectified=True):
        tensor, mask = (self._call(operator.getitem, result, i) for i in range(2))
        return Value(tensor, channels, mask, is_rectified)

    def _step(self, step):
        inputs = [self.blocked_of(source) for source in step.inputs]
        return getattr(self, f"_{step.kind}")(step, *inputs)

    def _module(self, step):
        return self.new.get_attr(step.module_node.target)

    def _gradient(self, step):
        return gradient_of(step, self.readers[step.node])

    def _convolution(self, step, src, function, *more):
        module = self.modules[step.module_node.target]
        site = Site(step.module_node.target, self.policy)
        self.sites.append(site)
        return self._call(function, self._module(step), src.tensor, src.mask, list(padding_of(module)), src.is_rectified,
                          *more, site.number)

    def _conv(self, step, src):
        return Value(self._convolution(step, src, calls.conv), self.channels[step.node])

    def _conv_relu(self, step, src):
        return self._with_mask(self._convolution(step, src, calls.conv_relu, self._gradient(step)), self.channels[step.node])

    def _shifted_conv(self, step, src):
        return Value(self._convolution(step, src, calls.shifted_conv, *self._scalars(step)), self.channels[step.node])

    def _shifted_conv_relu(self, step, src):
        result = self._convolution(step, src, calls.shifted_conv_relu, *self._scalars(step), self._gradient(step))
        return self._with_mask(result, self.channels[step.node])

    def _scalars(self, step):
        names = map(step.options.get, ("before", "scale", "after"))
        return [None if name is None else self.new.get_attr(name) for name in names]

    def _batch_norm(self, step, src):
        return Value(self._call(calls.batch_norm, self._module(step), src.tensor), src.channels)

    def _batch_norm_relu(self, step, src):
        return self._with_mask(self._call(calls.batch_norm_relu, self._module(step), src.tensor), src.channels)

    def _batch_norm_add_relu(self, step, src, addend):
        return self._with_mask(self._call(calls.batch_norm_add_relu, self._module(step), src.tensor, addend.tensor),
                               src.channels)

    def _relu(self, step, src):
        return self._with_mask(self._call(calls.relu, src.tensor, src.channels, self._gradient(step)), src.channels)

    def _dropout(self, step, src):
        dst = self._call(calls.dropout, self._module(step), src.tensor, src.channels)
        return Value(dst, src.channels, src.mask, src.is_rectified)

    def _add(self, step, a, b):
        return Value(self._call(calls.add, a.tensor, b.tensor), a.channels)

    def _add_relu(self, step, a, b):
        return self._with_mask(self._call(calls.add_relu, a.tensor, b.tensor, a.channels, self._gradient(step)), a.channels)

    def _concat(self, step, *sources):
        return Value(self._call(calls.concat, *(source.tensor for source in sources)), self.channels[step.node])

    def _max_pool(self, step, src):
        result = self._call(calls.max_pool, src.tensor, src.relu_mask, src.channels, *step.options.values())
        return self._with_mask(result, src.channels, src.is_rectified)

    def _average_pool(self, step, src):
        return Value(self._call(calls.average_pool, src.tensor, src.channels, *step.options.values()), src.channels)

    def _adaptive_pool(self, step, src):
        relu_mask = src.relu_mask if is_global(step) else None
        return Value(self._call(calls.adaptive_pool, src.tensor, relu_mask, src.channels, step.options["size"]), src.channels)
