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

from .measurements import PEER, Failure, read_json, unique
from .networks import Convolution, Network

FORMAT = 1
DENSE = (PEER, "onednn_winograd", "im2col", "dense")  # what does not look at zeros


class Evaluation:
    def __init__(self, document, path):
        self.path, self.document = path, document
        try:
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']} instead of {FORMAT}")
            self.machine, self.versions = document["machine"], document["versions"]
            self.peak = document["peak_flops"] * int(self.machine["threads"])
            self.flops = {name: layer["flops"] for name, layer in document["layers"].items()}
            self.rounds = {(name, conv_pass, implementation): {int(percent): list(times) for percent, times in of.items()}
                           for name, layer in document["layers"].items()
                           for conv_pass, implementations in layer["times_ms"].items()
                           for implementation, of in implementations.items()}
            self.networks = [Network(**{**network, "convolutions": [Convolution(**c) for c in network["convolutions"]]})
                             for network in document["networks"]]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Failure(f"{path}: expected an evaluation.json of scripts/evaluate: "
                          f"{type(error).__name__} {error}") from error

    @property
    def layers(self):
        return list(self.flops)

    def implementations(self, layer, conv_pass):
        return [name for own, own_pass, name in self.rounds if (own, own_pass) == (layer, conv_pass)]

    def times(self, layer, conv_pass, implementation):
        """{percent of zeros: ms}, medians over the rounds, by rising percents."""
        found = self.rounds.get((layer, conv_pass, implementation))
        if not found:
            raise Failure(f"{self.path}: expected times of {implementation} in {conv_pass} of {layer}, found none")
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
    return Evaluation(read_json(path), path)


def write_json(path, document):
    """Whole or not at all: whoever is interrupted leaves what was there."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
