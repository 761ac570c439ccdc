"""Operations of islands, joined to steps that the library does in one: conv + relu, batch_norm + add + relu and so on."""
from dataclasses import dataclass, field

from ..operators.relu import Gradient


@dataclass
class Step:
    """`node` is its last one: whose value it makes. `inputs` are nodes; of a residual sum, the addend comes last."""
    kind: str
    node: object
    inputs: list
    module_node: object = None  # of the convolution, normalisation or dropout
    options: dict = field(default_factory=dict)
    absorbed: list = field(default_factory=list)  # nodes that no one else reads


def _only_reader(node, members):
    """The one node that reads a value, if it is of the same island."""
    readers = list(node.users)
    return readers[0] if len(readers) == 1 and readers[0] in members else None


def _absorb(node, members, operations, taken):
    """The operation of a ReLU's or sum's input, if that can be part of the step."""
    if node in members and node not in taken and _only_reader(node, members) is not None:
        return operations[node].kind
    return None


def _relu_step(node, members, operations, taken):
    source = node.args[0]
    kind = _absorb(source, members, operations, taken)
    if kind in ("conv", "shifted_conv", "batch_norm"):
        return Step(f"{kind}_relu", node, [source.args[0]], source, operations[source].options, [source])
    if kind == "add":
        return _add_relu_step(node, source, members, operations, taken)
    return Step("relu", node, [source])


def _add_relu_step(node, add, members, operations, taken):
    """The normalisation that comes last in the graph is absorbed: that of a block, not of its shortcut."""
    operands = list(add.args[:2])
    norms = [source for source in operands
             if operands[0] is not operands[1] and _absorb(source, members, operations, taken) == "batch_norm"]
    if not norms:
        return Step("add_relu", node, operands, absorbed=[add])
    norm = max(norms)
    addend = operands[1] if operands[0] is norm else operands[0]
    return Step("batch_norm_add_relu", node, [norm.args[0], addend], norm, absorbed=[add, norm])


def steps_of(graph, island, operations):
    """Of an island, in the order of the graph."""
    taken, steps = set(), []
    for node in reversed(graph.nodes):  # so that a ReLU takes what is before it
        if node not in island or node in taken:
            continue
        operation = operations[node]
        if operation.kind == "relu":
            step = _relu_step(node, island, operations, taken)
        else:
            is_module = operation.module is not None
            step = Step(operation.kind, node, operation.inputs(node), node if is_module else None, operation.options)
        taken.update([node, *step.absorbed])
        steps.append(step)
    return steps[::-1]


def gradient_of(step, readers):
    """What `readers`, all steps that read a rectified value, or None for what is no step, leave of its gradient."""
    masking = {"conv", "conv_relu", "shifted_conv", "shifted_conv_relu", "max_pool"}
    if not readers or any(reader is None or not (reader.kind in masking or is_global(reader)) for reader in readers):
        return Gradient.RAW
    return Gradient.SPARSER if all(reader.kind == "max_pool" for reader in readers) else Gradient.MASKED


def is_global(step):
    return step.kind == "adaptive_pool" and step.options["size"] == (1, 1)
