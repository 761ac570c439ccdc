#!/usr/bin/env python3
"""Whole training steps of this project and of stock PyTorch in turns: the same weights, images and zeros.

Starts network_bench, which calibrates the weights to a profile's zeros and saves them, and network_peer.py, which loads them,
and lets each run steps while the other waits. Times are CPU time on one thread, wall time on more.

    bench/compare_networks.py --model resnet50 --python PYTHON_WITH_TORCH
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading

from evaluation.program import Failure, run

BENCH = pathlib.Path(__file__).resolve().parent
OUTSIDE = ("batch normalisation", "joins", "pools", "linear", "dropout", "loss", "SGD", "layout")


class Program:
    """A program that runs steps for every line that it gets, `lines_per_turn` of which are its answer."""

    def __init__(self, name, command, lines_per_turn):
        self.name = name
        self.lines_per_turn = lines_per_turn
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            print(line.rstrip(), file=sys.stderr, flush=True)
            if line.rstrip().endswith("ready"):
                threading.Thread(target=self.pass_on_errors, daemon=True).start()
                return
        raise Failure(f"{self.name}: ended before it was ready")

    def pass_on_errors(self):
        for line in self.process.stderr:
            print(line.rstrip(), file=sys.stderr, flush=True)

    def turn(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [self.read() for _ in range(self.lines_per_turn)]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"{self.name}: ended before its turn was over")
        return json.loads(line)

    def finish(self):
        """What it says when there are no more turns."""
        self.process.stdin.close()
        lines = [json.loads(line) for line in self.process.stdout]
        if code := self.process.wait():
            raise Failure(f"{self.name}: ended with {code}")
        return lines


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default: %(default)s)")
    parser.add_argument("--profile", help="as network_bench's")
    parser.add_argument("--bench", default="build/release/bin/network_bench", help="default: %(default)s")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has torch")
    return parser.parse_args()


def start(options, weights):
    common = ["--model", options.model, "--batch", options.batch, "--image-size", options.image_size,
              "--threads", options.threads, "--turns"]
    profile = ["--profile", options.profile] if options.profile else []
    ours = Program("network_bench", [options.bench, *common, *profile, "--save", weights], lines_per_turn=2)
    peer = [options.python, BENCH / "network_peer.py", *common, "--weights", weights, "--profile"]
    theirs = Program("network_peer.py", peer, lines_per_turn=2)
    return ours, theirs


def seconds_of(record, threads):
    return record["cpu_seconds"] if threads == 1 and "cpu_seconds" in record else record["seconds"]


def name_of(record):
    return f"PyTorch, {record['layout']}" if record["peer"] == "pytorch" else f"sparsetrain, {record['kernels']}"


def print_table(times, batch, ours):
    print(f"\n{'':28}{'s/step (median)':>18}{'(best)':>10}{'images/s':>10}")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:28}{median:18.3f}{min(seconds):10.3f}{batch / median:10.2f}")
    peers = {name: statistics.median(seconds) for name, seconds in times.items() if name.startswith("PyTorch")}
    fastest = min(peers, key=peers.get)
    print(f"\n{ours}: {peers[fastest] / statistics.median(times[ours]):.2f}x over {fastest}, "
          f"{statistics.median(times['sparsetrain, dense']) / statistics.median(times[ours]):.2f}x over dense")


def print_outside(record, profiled):
    """On one thread, where both measure CPU time."""
    own = sum(record["seconds_of"][work] for work in OUTSIDE)
    print(f"outside of convolutions: {own:.3f} s", end="")
    for line in profiled:
        if "profiled_seconds" in line:
            share = line["profiled_seconds"]["outside_convolutions"] / line["profiled_seconds"]["total"]
            seconds = share * line["cpu_seconds"]
            print(f"; {name_of(line)} {seconds:.3f} s ({100 * own / seconds:.0f} %)", end="")
    print()


def main():
    options = parse_arguments()
    times, last = {}, {}
    with tempfile.TemporaryDirectory() as directory:
        ours, theirs = start(options, pathlib.Path(directory) / "calibrated.safetensors")
        for _ in range(options.rounds):
            for record in [*ours.turn(), *theirs.turn()]:
                times.setdefault(name_of(record), []).append(seconds_of(record, options.threads))
                last[name_of(record)] = record
        ours.finish()
        profiled = theirs.finish()
    print_table(times, options.batch, "sparsetrain, auto")
    if options.threads == 1:
        print_outside(last["sparsetrain, auto"], profiled)
    return 0


if __name__ == "__main__":
    sys.exit(run("compare_networks", main))
