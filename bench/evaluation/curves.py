"""Speed over zeros, by classes of layers."""
import itertools
from dataclasses import dataclass

from .evaluation import DENSE
from .measurements import PASSES, PEER, by_class, geometric_mean
from .projection import interpolate


@dataclass(frozen=True)
class Range:
    mean: float  # geometric, of a class's layers
    least: float
    most: float


def range_of(values):
    return Range(geometric_mean(values), min(values), max(values))


def class_curve(evaluation, layers, conv_pass, implementation):
    """{percent: Range of the speeds over oneDNN direct}; one that does not look at zeros has the same at every percent."""
    found = [evaluation.speeds(layer, conv_pass, implementation)
             for layer in layers if implementation in evaluation.implementations(layer, conv_pass)]
    if implementation in DENSE:
        found = [dict.fromkeys(evaluation.percents(), evaluation.dense_time(layer, conv_pass, PEER)
                               / evaluation.dense_time(layer, conv_pass, implementation))
                 for layer in layers if implementation in evaluation.implementations(layer, conv_pass)]
    percents = sorted({percent for speeds in found for percent in speeds})
    return {percent: range_of([speeds[percent] for speeds in found if percent in speeds]) for percent in percents}


def classes_of(evaluation):
    """{class: its layers}"""
    classes = by_class(dict.fromkeys(evaluation.layers), lambda layer: layer)
    return {name: list(layers) for name, layers in classes.items()}


def class_curves(evaluation, layers):
    """{pass: {implementation: class_curve}}"""
    curves = {}
    for conv_pass in PASSES:
        names = dict.fromkeys(name for layer in layers for name in evaluation.implementations(layer, conv_pass))
        curves[conv_pass] = {name: class_curve(evaluation, layers, conv_pass, name) for name in names}
    return curves


def filled_in(curve):
    """The class_curve with every whole percent between its points: times, not speeds, lie on straight lines."""
    points = list(curve)
    slow, fast, mean = ({percent: 1 / getattr(speeds, what) for percent, speeds in curve.items()}
                        for what in ("least", "most", "mean"))
    return {percent: Range(*(1 / interpolate(times, percent) for times in (mean, slow, fast)))
            for percent in range(points[0], points[-1] + 1)} if points else {}


def crossing(curve, level):
    """The zeros from which the mean of a class_curve is above `level`, with straight lines of times; None if that is from
    the first point or not up to the last."""
    points = [(percent, 1 / speeds.mean) for percent, speeds in curve.items()]
    for (low, slow), (high, fast) in itertools.pairwise(points):
        if slow > 1 / level >= fast:
            return low + (high - low) * (slow - 1 / level) / (slow - fast)
    return None


def class_shares(evaluation, layers, conv_pass, implementation):
    """{percent: geometric mean of the share of the FMA peak that FLOPs with operands other than zero reach}"""
    shares = {}
    for layer in layers:
        if implementation in evaluation.implementations(layer, conv_pass):
            for percent, time in evaluation.times(layer, conv_pass, implementation).items():
                flops = evaluation.flops[layer] * (1 - percent / 100)
                shares.setdefault(percent, []).append(flops / (time / 1e3) / evaluation.peak)
    return {percent: geometric_mean(values) for percent, values in sorted(shares.items())}
