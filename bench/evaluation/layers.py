"""Layers as conv_bench reads them, a benchdnn problem string per line: bench/layers.txt."""
import pathlib
import re
from dataclasses import dataclass

from .measurements import read_file

SHIPPED_LAYERS = pathlib.Path(__file__).resolve().parent.parent / "layers.txt"
SIZE = re.compile(r"([a-z]+)(\d+)")


@dataclass(frozen=True)
class Layer:
    name: str
    problem: str  # without the name
    batch: int
    macs: int  # multiply-adds of one image, padded taps included


def parse_problem(line):
    """What bench/layers.txt explains, without conv_bench's checks: oh must be there."""
    problem, _, name = line.partition('n"')
    sizes = {key: int(value) for key, value in SIZE.findall(problem)}
    try:
        out = sizes["oh"] * sizes.get("ow", sizes["oh"])
        taps = sizes["kh"] * sizes.get("kw", sizes["kh"])
        return Layer(name.rstrip('"'), problem, sizes["mb"], sizes["ic"] * sizes["oc"] * out * taps)
    except KeyError as error:
        raise ValueError(f"no {error} in {line}") from error


def parse_layers(text):
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {layer.name: layer for layer in map(parse_problem, lines)}


def read_layers(path=SHIPPED_LAYERS):
    """{name: Layer} of a file of problem strings with names."""
    return read_file(path, parse_layers, "problem strings")
