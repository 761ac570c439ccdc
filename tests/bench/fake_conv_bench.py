#!/usr/bin/env python3
"""Stands in for conv_bench: writes plausible times at once, and a line into the file calls.txt beside this program for every
call. Files `fail_at` and `hang_at` beside it name a benchmark at which it fails, or takes a minute.
"""
import argparse
import json
import pathlib
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
IMPLEMENTATIONS = ("auto", "dense", "zero_skip", "output_mask", "auto_masked", "onednn", "onednn_winograd", "im2col")
CONTEXT = {"isa": "avx512", "uarch": "zen4", "time": "cpu_time", "sparsetrain": "0.1.0", "halide": "21.0.0",
           "compiler": "GNU 12", "onednn": "2.6.3", "openblas": "OpenBLAS 0.3"}


def names(layers_file):
    yield "peak/fma"
    for layer in re.findall(r'n"(.+)"', pathlib.Path(layers_file).read_text(encoding="utf-8")):
        for conv_pass in ("fwd", "bwd_data", "bwd_weights"):
            for percent in (0, 30, 50, 70, 80, 90, 95):
                for implementation in IMPLEMENTATIONS:
                    if conv_pass == "bwd_data" or implementation not in ("auto_masked", "output_mask"):
                        yield f"conv/{conv_pass}/{layer}/z{percent}/{implementation}"


def time_of(name):
    percent, implementation = int(name.split("/z")[1].split("/")[0]), name.rsplit("/", 1)[1]
    if implementation in ("onednn", "dense"):
        return 10.0
    if implementation in ("onednn_winograd", "im2col"):
        return 5.0 if "vgg" in name else 20.0
    return min(10.0, 13 * (1 - percent / 100)) if "auto" in implementation else 13 * (1 - percent / 100)


def run_of(name):
    ms = 1.0 if name == "peak/fma" else time_of(name)
    return {"name": name, "run_type": "iteration", "cpu_time": ms, "real_time": ms, "time_unit": "ms", "FLOPS": 1e11}


def named_in(file):
    return (HERE / file).read_text(encoding="utf-8") if (HERE / file).exists() else None


def main():
    parser = argparse.ArgumentParser()
    for option in ("layers", "threads", "rounds", "batch", "benchmark_filter", "benchmark_out", "benchmark_out_format",
                   "benchmark_min_time"):
        parser.add_argument(f"--{option}")
    options = parser.parse_args()
    with open(HERE / "calls.txt", "a", encoding="utf-8") as calls:
        calls.write(options.benchmark_filter + "\n")
    wanted = [name for name in names(options.layers) if re.search(options.benchmark_filter, name)]
    if named_in("hang_at") in wanted:
        time.sleep(60)
    if named_in("fail_at") in wanted:
        print(f"{named_in('fail_at')} ERROR OCCURRED: 'mistrusted: expected 1'")
        return 1
    context = {**CONTEXT, "threads": options.threads or "1", "rounds": options.rounds, "batch": options.batch or "as listed"}
    runs = [run_of(name) for name in wanted for _ in range(int(options.rounds))]
    pathlib.Path(options.benchmark_out).write_text(json.dumps({"context": context, "benchmarks": runs}), encoding="utf-8")
    return 0 if runs else 1


if __name__ == "__main__":
    sys.exit(main())
