"""evaluation.json: all that was measured on a machine, and the networks to project; reports and comparisons read it.

    {"format": 1, "date", "command", "quick",
     "machine": {"cpu", "cores", "system", "isa", "uarch", "threads", "time", "batch", "rounds", "min_time"},
     "versions": {"sparsetrain", "halide", "compiler", "onednn", "openblas"},
     "peak_flops": of one core,
     "layers": {layer: {"problem", "flops", "times_ms": {pass: {implementation: {percent: [one per round]}}}}},
     "networks": [{"name", "title", "time_unit", "per_value", "convolutions": [{"name", "layer", "src", "diff_dst"}]}]}
"""
import json
import statistics

from . import schema
from .measurements import PASSES, PEER, checked, read_file, unique
from .networks import Convolution, Network
from .program import Failure

FORMAT = 1
DENSE = (PEER, "onednn_winograd", "im2col", "dense")  # what does not look at zeros


EXPECTED = "an evaluation.json of scripts/evaluate"
TIMES = schema.map_of(schema.one_of(*PASSES), schema.map_of(schema.text, schema.map_of(
    schema.decimal(0, 100), schema.list_of(schema.MILLISECONDS, least=1))))
CONVOLUTION = schema.fields(name=schema.text, layer=schema.text, src=schema.list_of(schema.ZEROS, least=1),
                            diff_dst=schema.list_of(schema.ZEROS, least=1))
NETWORK = schema.fields(name=schema.file_name, title=schema.text, time_unit=schema.text, per_value=schema.COUNT,
                        convolutions=schema.list_of(CONVOLUTION, least=1))
MACHINE = schema.fields(
    cpu=schema.text, cores=schema.COUNT, system=schema.text, isa=schema.text, uarch=schema.text,
    threads=schema.decimal(1, 65536), time=schema.one_of("cpu_time", "real_time"), batch=schema.text, rounds=schema.COUNT,
    min_time=schema.number(0, 1e6, "seconds"))
VERSIONS = ("sparsetrain", "halide", "compiler", "onednn", "openblas")
DOCUMENT = schema.fields(
    format=schema.one_of(FORMAT), date=schema.text, command=schema.text, quick=schema.boolean, machine=MACHINE,
    versions=schema.fields(**dict.fromkeys(VERSIONS, schema.text)), peak_flops=schema.FLOPS,
    layers=schema.map_of(schema.text, schema.fields(flops=schema.FLOPS, times_ms=TIMES)),
    networks=schema.list_of(NETWORK))


def network_of(record):
    """Of a NETWORK; fields of later versions are left out."""
    convolutions = [Convolution(one["name"], one["layer"], one["src"], one["diff_dst"]) for one in record["convolutions"]]
    return Network(record["name"], record["title"], record["time_unit"], record["per_value"], convolutions)


class Evaluation:
    def __init__(self, document, path):
        checked(path, DOCUMENT, document, "", EXPECTED)
        self.path, self.document = path, document
        self.machine, self.versions = document["machine"], document["versions"]
        self.peak = document["peak_flops"] * int(self.machine["threads"])
        self.flops = {name: layer["flops"] for name, layer in document["layers"].items()}
        self.rounds = {(name, conv_pass, implementation): {int(percent): times for percent, times in of.items()}
                       for name, layer in document["layers"].items()
                       for conv_pass, implementations in layer["times_ms"].items()
                       for implementation, of in implementations.items() if of}
        self.networks = [network_of(record) for record in document["networks"]]
        self.check_networks()

    def check_networks(self):
        names = set()
        for network in self.networks:
            if network.name in names:
                self.fail(f"networks: expected every name once, found {network.name} again")
            names.add(network.name)
            for one in network.convolutions:
                if one.layer not in self.flops:
                    self.fail(f"convolution {one.name} of {network.name}: expected one of the layers, found {one.layer}")
                values = len(network.convolutions[0].src)
                if not len(one.src) == len(one.diff_dst) == values:
                    self.fail(f"convolution {one.name} of {network.name}: expected {values} values of src and of diff_dst, "
                              f"found {len(one.src)} and {len(one.diff_dst)}")

    def fail(self, message):
        raise Failure(f"{self.path}: {message}")

    def check_complete(self):
        """That all there is which a report is made of."""
        if not self.networks:
            self.fail("expected at least one network, found none")
        for layer in self.layers:
            for conv_pass in PASSES:
                expected = set(self.times(layer, conv_pass, PEER))
                for name in ("auto", "auto_masked") if conv_pass == "bwd_data" else ("auto",):
                    missing = expected - set(self.times(layer, conv_pass, name))
                    if missing:
                        self.fail(f"expected times of {name} in {conv_pass} of {layer} at all percents of {PEER}, "
                                  f"found none at {min(missing)} %")

    @property
    def layers(self):
        return list(self.flops)

    def implementations(self, layer, conv_pass):
        return [name for own, own_pass, name in self.rounds if (own, own_pass) == (layer, conv_pass)]

    def times(self, layer, conv_pass, implementation):
        """{percent of zeros: ms}, medians over the rounds, by rising percents."""
        found = self.rounds.get((layer, conv_pass, implementation))
        if not found:
            self.fail(f"expected times of {implementation} in {conv_pass} of {layer}, found none")
        return {percent: statistics.median(times) for percent, times in sorted(found.items())}

    def dense_time(self, layer, conv_pass, implementation):
        return statistics.median(self.times(layer, conv_pass, implementation).values())

    def best_dense(self, layer, conv_pass):
        """(ms, implementation)"""
        others = [name for name in self.implementations(layer, conv_pass) if name in DENSE and name != PEER]
        return min((self.dense_time(layer, conv_pass, name), name) for name in (PEER, *others))

    def speeds(self, layer, conv_pass, implementation):
        """{percent: speed over oneDNN's direct convolution}, in the same group of measurements."""
        peer = self.times(layer, conv_pass, PEER)
        return {percent: peer[percent] / time
                for percent, time in self.times(layer, conv_pass, implementation).items() if percent in peer}

    def percents(self):
        return sorted(unique(percent for times in self.rounds.values() for percent in times))


def read_evaluation(path):
    return Evaluation(read_file(path, json.loads, "JSON"), path)


def write_json(path, document):
    """Whole or not at all: whoever is interrupted leaves what was there."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
