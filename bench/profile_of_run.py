#!/usr/bin/env python3
"""The profile of a training run, from what `sparsetrain train --metrics FILE` wrote: rows as in evaluation/published_zeros.csv.

    bench/profile_of_run.py FILE NETWORK > rows.csv

Zeros of a ReLU are those of the convolution that reads it; behind the last block nothing but a pool does, and its mask is that
of the gradient of the block's last convolution.
"""
import argparse
import json
import pathlib
import statistics
import sys

from evaluation.program import Failure, run

MEANS = 10  # of equal parts of the run
NAMES = {"conv1": None, "conv2": "reduce", "conv3": "spatial"}


def read_steps(path):
    with open(path, encoding="utf-8") as file:
        steps = [record for record in map(json.loads, file) if record["record"] == "step"]
    if len(steps) < MEANS:
        raise Failure(f"{path}: expected at least {MEANS} steps, found {len(steps)}")
    return steps


def block_name(convolution):
    """"layer1.0.conv2" is in "stage2_block1"."""
    layer, block, _ = convolution.split(".", 2)
    return f"stage{int(layer.removeprefix('layer')) + 1}_block{int(block) + 1}"


def outputs_of(step):
    """{ReLU's name: zeros in %}, in the order in which they compute."""
    zeros, previous, last = {}, "stem", None
    for convolution in step["convolutions"]:
        name = convolution["name"]
        if name.count(".") != 2 or name.split(".")[2] not in NAMES:
            continue
        kind = NAMES[name.split(".")[2]]
        zeros[previous if kind is None else f"{block_name(name)}_{kind}"] = convolution["zeros_src"]
        if name.endswith("conv3"):
            previous = f"{block_name(name)}_out"
            last = convolution["zeros_diff_dst"]
    if last is None:
        raise Failure("expected a network of bottleneck blocks (layer1.0.conv1 to conv3), found none")
    zeros[previous] = last
    return zeros


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=pathlib.Path)
    parser.add_argument("network")
    options = parser.parse_args()
    steps = [outputs_of(step) for step in read_steps(options.metrics)]
    size = len(steps) // MEANS
    print("network,relu_output,epochs_per_mean,mean,means")
    for output in steps[0]:
        values = [step[output] for step in steps]
        means = [statistics.mean(values[i * size:(i + 1) * size]) for i in range(MEANS)]
        print(f"{options.network},{output},{size},{statistics.mean(values):.1f},{' '.join(f'{mean:.1f}' for mean in means)}")
    return 0


if __name__ == "__main__":
    sys.exit(run("profile_of_run", main))
