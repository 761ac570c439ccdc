"""A network of the user's: its convolutions and their zeros in every step, from the file that `sparsetrain train --metrics`
writes. Every convolution that counts (all but those of images) is taken to have the output of a ReLU, or of a pool behind
one, as src.
"""
import json
import math
import statistics

from .measurements import Failure, read_file
from .networks import Convolution, Network

MOST_VALUES = 100  # of a course over training; steps beyond that are averaged in groups


def output_size(size, filter_size, stride, before, after):
    return (size + before + after - filter_size) // stride + 1


def problem_of(record):
    """The benchdnn problem string of a convolution in the summary."""
    n, c, h, w = record["src"]
    (r, s), stride, (top, left, bottom, right) = record["filter"], record["stride"], record["padding"]
    oh, ow = output_size(h, r, stride, top, bottom), output_size(w, s, stride, left, right)
    return (f"mb{n}ic{c}oc{record['k']}ih{h}iw{w}oh{oh}ow{ow}kh{r}kw{s}sh{stride}sw{stride}ph{top}pw{left}")


def layer_name(record, taken):
    """As bench/layers.txt names layers, so that it tells the class."""
    (r, s), stride, (_, c, _, w) = record["filter"], record["stride"], record["src"]
    name = f"{r}x{s}{'' if stride == 1 else f's{stride}'}_{c}-{record['k']}_{w}"
    return name if name not in taken else f"{name}.{len(taken)}"  # another height or padding


def name_layers(convolutions):
    """{problem string: layer's name}"""
    names = {}
    for record in convolutions:
        problem = problem_of(record)
        if problem not in names:
            names[problem] = layer_name(record, names.values())
    return names


def course(steps, name, key):
    """Means over groups of steps of what convolution `name` has there."""
    values = [one[key] for step in steps for one in step["convolutions"] if one["name"] == name]
    group = group_size(len(steps))
    return [statistics.fmean(values[first:first + group]) for first in range(0, len(values), group)]


def group_size(steps):
    return max(1, math.ceil(steps / MOST_VALUES))


def records_of(path):
    """The header, the steps and the summary."""
    lines = read_file(path, lambda text: [json.loads(line) for line in text.splitlines()], "a JSON record per line")
    found = {kind: [line for line in lines if line.get("record") == kind] for kind in ("header", "step", "summary")}
    for kind, records in found.items():
        if not records:
            raise Failure(f"{path}: expected a {kind} record, as `sparsetrain train --metrics` writes, found none")
    return found["header"][0], found["step"], found["summary"][-1]


def network_of_metrics(path, layers_file):
    """Writes the layers to the file and returns the Network."""
    try:
        header, steps, summary = records_of(path)
        counted = [record for record in summary["convolutions"] if record["counted"]]
        names = name_layers(counted)
        convolutions = [Convolution(one["name"], names[problem_of(one)], course(steps, one["name"], "zeros_src"),
                                    course(steps, one["name"], "zeros_diff_dst")) for one in counted]
        title = f"{header['model']} on {header['data']}"
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Failure(f"{path}: expected what `sparsetrain train --metrics` writes: "
                      f"{type(error).__name__} {error}") from error
    if not convolutions:
        raise Failure(f"{path}: expected a convolution beyond the first, found none")
    layers_file.write_text("".join(f'{problem}n"{name}"\n' for problem, name in names.items()), encoding="utf-8")
    return Network(path.stem, title, "step", group_size(len(steps)), convolutions)
