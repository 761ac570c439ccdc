"""A network of the user's: its convolutions and their zeros in every step, from the file that `sparsetrain train --metrics`
writes. Every convolution that counts (all but those of images) is taken to have the output of a ReLU, or of a pool behind
one, as src.
"""
import json
import math
import statistics

from . import schema
from .measurements import checked, read_file
from .networks import Convolution, Network
from .program import Failure

EXPECTED = "what `sparsetrain train --metrics` writes"
RECORD = schema.fields(record=schema.text)
SIZE = schema.whole(1, 2**29)
OF_STEP = schema.fields(name=schema.text, zeros_src=schema.ZEROS, zeros_diff_dst=schema.ZEROS)
OF_SUMMARY = schema.fields(
    name=schema.text, src=schema.list_of(SIZE, 4, 4), k=SIZE, filter=schema.list_of(SIZE, 2, 2), stride=SIZE,
    padding=schema.list_of(schema.whole(0, 2**29), 4, 4), counted=schema.boolean)
RECORDS = {"header": schema.fields(model=schema.text, data=schema.text),
           "step": schema.fields(step=schema.COUNT, convolutions=schema.list_of(OF_STEP)),
           "summary": schema.fields(convolutions=schema.list_of(OF_SUMMARY))}
MOST_VALUES = 100  # of a course over training; steps beyond that are averaged in groups


def output_size(size, filter_size, stride, before, after):
    return (size + before + after - filter_size) // stride + 1


def output_sizes(record):
    (_, _, h, w), (r, s), (top, left, bottom, right) = record["src"], record["filter"], record["padding"]
    return output_size(h, r, record["stride"], top, bottom), output_size(w, s, record["stride"], left, right)


def problem_of(record):
    """The benchdnn problem string of a convolution in the summary."""
    n, c, h, w = record["src"]
    (r, s), stride, (top, left, _, _) = record["filter"], record["stride"], record["padding"]
    oh, ow = output_sizes(record)
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


def lines_of(text):
    """[(line's number, record)]"""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            if line.strip():
                found.append((number, json.loads(line)))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    return found


def records_of(path):
    """The header, the steps and the summary, which are in this order."""
    found = {kind: [] for kind in RECORDS}
    for number, record in read_file(path, lines_of, "a JSON record per line"):
        place = f"line {number}"
        checked(path, RECORD, record, place, EXPECTED)
        if record["record"] not in RECORDS:
            continue
        checked(path, RECORDS[record["record"]], record, place, EXPECTED)
        check_order(path, place, record, found)
        found[record["record"]].append(record)
    for kind, records in found.items():
        if not records:
            raise Failure(f"{path}: expected a {kind} record, as `sparsetrain train --metrics` writes, found none")
    return found["header"][0], found["step"], found["summary"][0]


def check_order(path, place, record, before):
    """One header, then steps with rising numbers, then one summary: another order is that of two runs in one file."""
    steps, kind = before["step"], record["record"]
    if bool(before["header"]) == (kind == "header") or before["summary"] or (
            kind == "step" and steps and record["step"] <= steps[-1]["step"]):
        raise Failure(f"{path}: {place}: expected one run's header, steps in their order and summary, found a {kind} record")


def check_convolutions(path, steps, counted):
    """That every step has each of them once, and that they are convolutions."""
    if not counted:
        raise Failure(f"{path}: expected a convolution beyond the first, found none")
    for step in steps:
        names = [one["name"] for one in step["convolutions"]]
        for record in counted:
            if names.count(record["name"]) != 1:
                raise Failure(f"{path}: expected convolution {record['name']} once in step {step['step']}, "
                              f"found it {names.count(record['name'])} times")
    for record in counted:
        if min(output_sizes(record)) < 1:
            raise Failure(f"{path}: convolution {record['name']}: expected a filter no larger than the padded input")


def network_of_metrics(path, layers_file):
    """Writes the layers to the file and returns the Network."""
    header, steps, summary = records_of(path)
    counted = [record for record in summary["convolutions"] if record["counted"]]
    check_convolutions(path, steps, counted)
    names = name_layers(counted)
    convolutions = [Convolution(one["name"], names[problem_of(one)], course(steps, one["name"], "zeros_src"),
                                course(steps, one["name"], "zeros_diff_dst")) for one in counted]
    layers_file.write_text("".join(f'{problem}n"{name}"\n' for problem, name in names.items()), encoding="utf-8")
    return Network(schema.printable(path.stem), f"{header['model']} on {header['data']}", "step", group_size(len(steps)),
                   convolutions)
