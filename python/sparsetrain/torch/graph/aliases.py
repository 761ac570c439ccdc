"""Operators that work in place: who reads what they leave.

In a graph, x += y is a node of its own, and what reads x afterwards still names the node of x.
"""
import operator

from torch import fx

CHANGE_FIRST = {operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod,
                operator.ipow, operator.iand, operator.ior, operator.ixor, operator.setitem}


def skip_passed(graph, operations):
    """What reads an identity reads what that reads."""
    for node in list(graph.nodes):
        operation = operations.get(node)
        if operation is not None and operation.kind == "pass":
            node.replace_all_uses_with(node.args[0])
            operations.pop(node)
            graph.erase_node(node)


def settle(graph, operations, is_fresh):
    """Makes operations that work in place like others; those that change a tensor which others may have are dropped."""
    for node in graph.nodes:
        operation = operations.get(node)
        if operation is None or not operation.is_in_place:
            continue
        if is_fresh(node.args[0]):
            _redirect_later(graph, node.args[0], node)
        else:
            operations.pop(node)


def _redirect_later(graph, changed, node):
    later = set()
    for other in reversed(graph.nodes):
        if other is node:
            break
        later.add(other)
    changed.replace_all_uses_with(node, delete_user_cb=lambda user: user in later)


def changes_first(node, modules):
    """Whether a node may change its first input."""
    if node.op == "call_module":
        return bool(getattr(modules[node.target], "inplace", False))
    if node.op == "call_method":
        return node.target.endswith("_") and not node.target.endswith("__")
    name = getattr(node.target, "__name__", "")
    return node.op == "call_function" and (node.target in CHANGE_FIRST or bool(node.kwargs.get("inplace"))
                                           or (name.endswith("_") and not name.endswith("__")))


def changed_elsewhere(graph, operations, modules):
    """Values that torch's nodes may change in place while others read them: they cannot be in two layouts."""
    changed = behind_changes(graph, operations, modules)
    return {value for value in changed if value in operations and len(value.users) > 1}


def behind_changes(graph, operations, modules):
    """What torch's nodes may change in place."""
    pending = [node.args[0] for node in graph.nodes if node not in operations and changes_first(node, modules)
               and node.args and isinstance(node.args[0], fx.Node)]
    found = set()
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            if node not in operations:  # whose results are views of nothing
                pending += node.all_input_nodes
    return found
