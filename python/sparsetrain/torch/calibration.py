"""Weights that make a model's ReLUs leave given shares of zeros, without the training run that led there."""
import csv

import torch
from torch import fx

from .graph.operations import operation_of
from .graph.scalars import SUMS
from .graph.tracing import trace

HEADER = ["network", "relu_output", "epochs_per_mean", "mean", "means"]


def read_profile(path, network):
    """Percentages of zeros of a network's ReLUs, in order; where a max pool comes behind one, those of its output."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(line for line in file if line.strip() and not line.startswith("#"))
    if header != HEADER:
        raise ValueError(f"{path}: expected the header {','.join(HEADER)}, found {','.join(header)}")
    rows = [row for row in rows if row[0] == network]
    if not rows:
        raise ValueError(f"{path}: expected rows of {network}, found none")
    names = [row[1] for row in rows] + [""]
    return [float(row[3]) for row, following in zip(rows, names[1:])
            if row[1].startswith("pool") or not following.startswith("pool")]


@torch.no_grad()
def calibrate_zeros(model, images, percentages):
    """Shifts what is before each ReLU, in the model's order, by one value for all channels: a bias. For a model in training.

    As each shift is known before what comes behind it is computed, one forward does. Returns the percentages that came out.
    """
    calibration = _Calibration(model, percentages)
    calibration.run(images)
    if calibration.wanted:
        raise ValueError(f"calibrate_zeros: expected zeros of at most {len(calibration.found)} ReLUs, found {len(percentages)}")
    return calibration.found


class _Calibration(fx.Interpreter):
    def __init__(self, model, percentages):
        graph = trace(model)
        super().__init__(model, graph=graph)
        self.modules = dict(model.named_modules())
        self.wanted, self.found = list(percentages), []

    def run_node(self, node):
        if self.wanted and self._kind(node) == "relu":
            self._shift(node, self.env[node.args[0]], self.wanted.pop(0) / 100)
        return super().run_node(node)

    def _kind(self, node):
        return getattr(operation_of(node, self.modules), "kind", None)

    def _shift(self, node, before, share):
        """`before` is what the ReLU reads: it gets what the bias gets."""
        rank = int(share * self._seen(node, before).numel())
        threshold = float(self._seen(node, before).flatten().kthvalue(rank)[0]) if rank > 0 else None
        shift = 0.0 if threshold is None else -threshold * (1 + 1e-6)
        self._bias(node, node.args[0]).add_(shift)
        before.add_(shift)
        self.found.append(100 * float((self._seen(node, before) <= 0).float().mean()))

    def _seen(self, node, values):
        """Whose zeros count: where a max pool alone reads the ReLU, the pool's."""
        readers = list(node.users)
        if len(readers) == 1 and self._kind(readers[0]) == "max_pool" and readers[0].op == "call_module":
            return self.modules[readers[0].target](values)
        return values

    def _bias(self, relu, node):
        """What shifts all of a value: a scalar that is added, or the bias of what made it, or its first term."""
        if (node.op, node.target) in SUMS:
            scalars = [value for value in node.args if value.op == "get_attr"]
            return self.fetch_attr(scalars[0].target) if scalars else self._bias(relu, node.args[0])
        bias = getattr(self.modules[node.target], "bias", None) if node.op == "call_module" else None
        if bias is None:
            raise ValueError(f"calibrate_zeros: expected a bias before the ReLU {relu.name}, found {node.name}")
        return bias
