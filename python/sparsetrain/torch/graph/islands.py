"""Which operations of a graph run blocked: runs of them that have a convolution, each with what its channels are.

Such a run is an island. Tensors are converted where they enter and leave it.
"""
from torch import nn

from ..blocked import LANES
from .operations import Operation, Unsupported

WITH_CHANNELS = {nn.Conv2d: "out_channels", nn.ConvTranspose2d: "out_channels", nn.BatchNorm2d: "num_features"}
SAME_CHANNELS = {"relu", "max_pool", "average_pool", "adaptive_pool", "dropout"}


def channels_of(graph, operations, modules):
    """How many channels values have, where modules say it: those that make a value, and those that read it."""
    known = {}
    for node in graph.nodes:
        if node.op == "call_module" and type(modules[node.target]) in WITH_CHANNELS:
            known[node] = getattr(modules[node.target], WITH_CHANNELS[type(modules[node.target])])
    while True:
        found = {node: channels for node in graph.nodes if node not in known
                 and (channels := _channels_by_neighbours(node, operations, known)) is not None}
        if not found:
            return known
        known.update(found)


def _channels_by_neighbours(node, operations, known):
    operation = operations.get(node)
    if operation is None or operation.kind == "batch_norm":
        candidates = []
    elif operation.kind == "concat":
        counts = [known.get(source) for source in operation.inputs(node)]
        candidates = [None if None in counts else sum(counts)]
    else:
        candidates = [known.get(source) for source in operation.inputs(node)]
    candidates += [_channels_read(user, operations, known) for user in node.users]
    return next((count for count in candidates if count is not None), None)


def _channels_read(user, operations, known):
    """How many channels the input of an operation must have."""
    operation = operations.get(user)
    if operation is None:
        return None
    if operation.is_conv:
        return operation.module.in_channels
    return known.get(user) if operation.kind in SAME_CHANNELS or operation.kind == "batch_norm" else None


def _fits(node, operation, channels):
    """Whether an operation can run on blocked tensors."""
    inputs = operation.inputs(node)
    if node not in channels or any(source not in channels for source in inputs):
        return False
    counts = [channels[source] for source in inputs]
    if operation.kind == "add":
        return counts[0] == counts[1]
    if operation.kind == "concat":
        return all(count % LANES == 0 for count in counts)
    return True


def _join(islands, node, other):
    merged = islands[node] | islands[other]
    for member in merged:
        islands[member] = merged


def find(graph, operations, channels, excluded):
    """The sets of nodes of islands, in their order in the graph."""
    fitting = [node for node in graph.nodes if isinstance(operations.get(node), Operation) and node not in excluded
               and _fits(node, operations[node], channels)]
    islands = {node: frozenset([node]) for node in fitting}
    for node in fitting:
        for source in operations[node].inputs(node):
            if source in islands and source not in islands[node]:
                _join(islands, node, source)
    unique = dict.fromkeys(islands[node] for node in fitting)
    return [island for island in unique if any(operations[node].is_conv for node in island)]


def split(found):
    """Operations, and convolutions that stay torch's."""
    operations = {node: operation for node, operation in found.items() if isinstance(operation, Operation)}
    return operations, {node: operation for node, operation in found.items() if isinstance(operation, Unsupported)}
