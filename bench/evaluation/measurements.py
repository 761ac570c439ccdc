"""What conv_bench measured: its JSON files (--benchmark_out=FILE), and the classes of the layers in them."""
import json
import math
import re

from . import schema
from .program import Failure

PASSES = ("fwd", "bwd_data", "bwd_weights")
FORCED = {"zero_skip": "auto", "output_mask": "auto_masked"}  # kernels, and what chooses them by itself
PEER = "onednn"
LAYER_CLASS = re.compile(r"(?P<filter>\d+x\d+)(?:s(?P<stride>\d+))?_\d+-\d+_\d+|(?P<named>vgg\d_\d|res\d_3x3)")
OTHER_CLASS = "other layers"
NAME = re.compile(rf"conv/({'|'.join(PASSES)})/(.+)/z([0-9]{{1,2}}|100)/([^/]+)")  # slashes only within the layer's name
PEAK_NAME = "peak/fma"
MILLISECONDS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}


EXPECTED = "what conv_bench writes with --benchmark_out"
CONTEXT = schema.fields(threads=schema.decimal(1, 65536), time=schema.one_of("cpu_time", "real_time"), batch=schema.text)
NAMED = schema.fields(name=schema.text)
FAILED = schema.fields(error_message=schema.text)
RATE = schema.fields(FLOPS=schema.FLOPS)


def timed(clock):
    return schema.fields(**{clock: schema.number(0, 1e18, "a time"), "time_unit": schema.one_of(*MILLISECONDS)})


class Report:
    """The times (ms) of one conv_bench run: times[pass, layer, percent][implementation] is a list, one per round.

    flops[pass, layer, percent] are the peer's rates, peak those of multiply-adds in registers; context is the file's.
    """

    def __init__(self, path, clock=None):
        self.path = path
        self.document = read_json(path, schema.fields(context=CONTEXT, benchmarks=schema.list_of(NAMED)), EXPECTED)
        self.context = self.document["context"]
        self.threads = int(self.context["threads"])
        self.batch = self.context["batch"]
        self.clock = clock or self.context["time"]
        self.timed = timed(self.clock)
        self.times, self.flops, self.peak, self.failures = {}, {}, [], []
        for run in self.document["benchmarks"]:
            self.add(run)

    def check(self, own_schema, value, place):
        checked(self.path, own_schema, value, place, EXPECTED)

    def add(self, run):
        match = NAME.fullmatch(run["name"])
        if run["name"] != PEAK_NAME and not match or run.get("run_type") == "aggregate":
            return
        if run.get("error_occurred"):
            self.check(FAILED, run, run["name"])
            self.failures.append(f"{self.path}: {run['name']}: {run['error_message']}")
            return
        if not match:
            self.check(RATE, run, run["name"])
            self.peak.append(run["FLOPS"])
            return
        self.check(self.timed, run, run["name"])
        group = (match[1], match[2], int(match[3]))
        time = run[self.clock] * MILLISECONDS[run["time_unit"]]
        if not time > 0:
            raise Failure(f"{self.path}: {run['name']}: expected a {self.clock} above 0, found {time}")
        self.check(schema.MILLISECONDS, time, f"{run['name']}.{self.clock} in ms")
        self.times.setdefault(group, {}).setdefault(match[4], []).append(time)
        if match[4] == PEER:
            self.check(RATE, run, run["name"])
            self.flops.setdefault(group, []).append(run["FLOPS"])


def read_file(path, parse, expected):
    """parse(text of the file); a ValueError of it is a Failure that says what was `expected`."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse(file.read())
    except OSError as error:
        raise Failure(f"{path}: expected a readable file: {error.strerror}") from error
    except RecursionError as error:
        raise Failure(f"{path}: expected {expected}: nested too deep") from error
    except ValueError as error:
        raise Failure(f"{path}: expected {expected}: {error}") from error


def checked(path, own_schema, value, place, expected):
    """The value, if it has the schema."""
    try:
        own_schema(value, place)
    except ValueError as error:
        raise Failure(f"{path}: expected {expected}: {error}") from error
    return value


def read_json(path, own_schema, expected):
    """The document of a file that is `expected` to have the schema."""
    return checked(path, own_schema, read_file(path, json.loads, "JSON"), "", expected)


def class_of(layer):
    """Of a layer's name, as bench/layers.txt explains them: "1x1", "3x3 stride 1", ... or OTHER_CLASS."""
    match = LAYER_CLASS.fullmatch(layer)
    if not match:
        return OTHER_CLASS
    if match["filter"] == "1x1":
        return "1x1"
    return f"{match['filter'] or '3x3'} stride {match['stride'] or 1}"


def by_class(groups, layer_of):
    """{class: {group: value}} of {group: value}, classes in the order in which they appear, other layers last."""
    classes = {}
    for group, value in groups.items():
        classes.setdefault(class_of(layer_of(group)), {})[group] = value
    return dict(sorted(classes.items(), key=lambda item: item[0] == OTHER_CLASS))


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def unique(values):
    return list(dict.fromkeys(values))
