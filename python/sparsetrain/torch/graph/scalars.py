"""Scalars around convolutions: conv(x + before) * scale + after, as in Fixup networks, becomes one operation.

To add a scalar to x would fill its zeros in, so that the convolution could skip none.
"""
import operator

import torch
from torch import nn

from .aliases import behind_changes, changes_first
from .operations import Operation

SUMS = {("call_function", operator.add), ("call_function", torch.add), ("call_method", "add")}
PRODUCTS = {("call_function", operator.mul), ("call_function", torch.mul), ("call_method", "mul")}


def fold(graph, operations, modules):
    """Changes the graph: convolutions read x, and what read their last scalar's node reads them."""
    matcher = _Matcher(graph, operations, modules)
    for node in list(graph.nodes):
        operation = operations.get(node)
        if operation is None or operation.kind != "conv" or operation.module.bias is not None:
            continue
        shifted, chain, scalars = matcher.match(node)
        if scalars:
            operations[node] = Operation("shifted_conv", operation.module, options=scalars)
            _rewrite(graph, operations, node, shifted, chain)
    for node in [node for node in graph.nodes if node.op == "get_attr" and not node.users]:
        graph.erase_node(node)


def _rewrite(graph, operations, node, shifted, chain):
    if shifted is not None:
        node.replace_input_with(shifted, _split(shifted)[0])
    if chain:
        chain[-1].replace_all_uses_with(node)
    for dead in [*reversed(chain), *([shifted] if shifted is not None and not shifted.users else [])]:
        operations.pop(dead, None)
        graph.erase_node(dead)


def _split(node):
    """A sum's or product's other operand, and its scalar, if that is the only one that comes from the model."""
    given = [value for value in node.args if getattr(value, "op", "get_attr") != "get_attr"]
    others = [value for value in node.args if getattr(value, "op", None) == "get_attr"]
    return (given[0], others[0]) if len(given) == len(others) == 1 else (None, None)


class _Matcher:
    def __init__(self, graph, operations, modules):
        self.graph, self.operations, self.modules = graph, operations, modules
        self.changed = behind_changes(graph, operations, modules)
        # Of the graph as it was: nodes are not made, and those that are gone are not asked for.
        self.order = list(graph.nodes)
        self.place = {node: i for i, node in enumerate(self.order)}

    def match(self, conv):
        """The node of x + before, or None; nodes from the convolution on; names of the scalars' parameters."""
        shifted = self._shifted(conv)
        chain, scalars = self._chain(conv)
        if shifted is not None:
            scalars["before"] = _split(shifted)[1].target
        if not self._is_quiet(conv if shifted is None else shifted, chain[-1] if chain else conv, shifted):
            return None, [], {}
        return shifted, chain, scalars

    def _shifted(self, conv):
        """All that read it are to be convolutions, so that nobody else needs it, or may change it."""
        shifted = conv.args[0]
        if not self._has_scalar(shifted, SUMS):
            return None
        return shifted if all(self._is_conv_of(user, shifted) for user in shifted.users) else None

    def _is_conv_of(self, user, shifted):
        operation = self.operations.get(user)
        return operation is not None and operation.kind in ("conv", "shifted_conv") and operation.module.bias is None

    def _chain(self, conv):
        chain, scalars = [], {}
        for name, kinds in (("scale", PRODUCTS), ("after", SUMS)):
            last = chain[-1] if chain else conv
            user = next(iter(last.users)) if len(last.users) == 1 else None
            if user is not None and self._has_scalar(user, kinds):
                chain.append(user)
                scalars[name] = _split(user)[1].target
        return chain, scalars

    def _has_scalar(self, node, kinds):
        """Whether it is a sum or product of one tensor and one parameter of one element, which is nowhere changed."""
        if (node.op, node.target) not in kinds or node.kwargs or len(node.args) != 2:
            return False
        scalar = _split(node)[1]
        return scalar is not None and self._is_scalar(scalar.target) and scalar not in self.changed

    def _is_scalar(self, name):
        owner, _, attribute = name.rpartition(".")
        value = getattr(self.modules[owner], attribute, None) if owner in self.modules else None
        return (isinstance(value, nn.Parameter) and value.numel() == 1 and value.dim() <= 4
                and value.dtype == torch.float32 and value.device.type == "cpu")

    def _is_quiet(self, first, last, shifted):
        """Whether nothing is changed in place, from the first node to the last, that is read later or earlier than it was."""
        if last in self.changed and len(last.users) > 1:
            return False
        x = None if shifted is None else _split(shifted)[0]
        between = self.order[self.place[first]:self.place[last] + 1]
        return not any(changes_first(node, self.modules) and
                       (not node.args or node.args[0] is x or node.args[0] not in self.operations) for node in between)
