#!/usr/bin/env python3
"""Times whole training steps of stock PyTorch on the CPU: gradients to nothing, forward, cross-entropy, backward, SGD.

Prints a line of JSON per step, {"peer": "pytorch", "layout": ..., "seconds": ..., ...}, and the best and the median of each
layout at the end. `seconds` are wall time, and `cpu_seconds` the CPU time of all threads. The learning rate is zero, with all
of SGD's arithmetic: every step sees the same weights.

With --turns, a step is run for every line on standard input, so that another program can alternate with this one; with both
layouts, a line makes a step of each. Nothing is printed on standard output before.

Needs `pip install torch torchvision safetensors`.
"""
import argparse
import collections
import json
import pathlib
import re
import statistics
import sys
import time
from dataclasses import dataclass, field

import torch
from evaluation.program import Failure, run
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch_models import MODELS, make_model

NETWORKS = [name for name in MODELS if name != "vgg-small"]  # those of images of any size
LAYOUTS = {"nchw": torch.contiguous_format, "channels_last": torch.channels_last}
MOMENTUM, WEIGHT_DECAY = 0.9, 1e-4
WARM_UP_STEPS = 2  # the first allocates, and makes oneDNN's primitives
PROFILED_STEPS = 3

# What an operator belongs to is the first of these that the outermost of its callers matches which matches any.
KINDS = {
    "optimiser": r"Optimizer\.",
    "convolution_backward": r"convolution_backward|ConvolutionBackward",
    "convolution_forward": r"conv2d|convolution",
    "batch_norm": r"batch_norm|BatchNorm",
    "relu": r"relu|threshold|Relu",
    "pool": r"pool|Pool|aten::mean\b|MeanBackward",
    "linear": r"aten::linear\b|aten::addmm\b|AddmmBackward",
    "dropout": r"dropout|Dropout",
    "add_mul": r"aten::(add|mul|sum)_?\b|AddBackward|MulBackward",
    "copies": r"aten::(copy|clone|contiguous|to)_?\b|AccumulateGrad",
}


@dataclass
class Trainee:
    """A model of its own in a layout, with the times of its steps."""
    layout: str
    model: torch.nn.Module
    images: torch.Tensor
    labels: torch.Tensor
    seconds: list = field(default_factory=list)

    def __post_init__(self):
        memory_format = LAYOUTS[self.layout]
        self.model = self.model.to(memory_format=memory_format)
        self.images = self.images.contiguous(memory_format=memory_format)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.0, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)

    def step(self):
        self.optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(self.model(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def timed_step(self):
        wall, cpu = time.perf_counter(), time.process_time()
        loss = self.step()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.seconds.append(wall)
        self.report(seconds=wall, cpu_seconds=cpu, images_per_second=len(self.labels) / wall, loss=loss)

    def summarise(self):
        best, median = min(self.seconds), statistics.median(self.seconds)
        self.report(steps=len(self.seconds), best_seconds=best, median_seconds=median,
                    best_images_per_second=len(self.labels) / best, median_images_per_second=len(self.labels) / median)

    def profile(self):
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
            cpu = time.process_time()
            for _ in range(PROFILED_STEPS):
                self.step()
            cpu = (time.process_time() - cpu) / PROFILED_STEPS
        seconds = seconds_by_kind(profiler.events())
        total = sum(seconds.values())
        convolutions = seconds["convolution_forward"] + seconds["convolution_backward"]
        self.report(cpu_seconds=cpu,
                    profiled_seconds={"total": total, "outside_convolutions": total - convolutions, **seconds})

    def report(self, **values):
        print(json.dumps({"peer": "pytorch", "layout": self.layout, **values}), flush=True)


def kind_of(event):
    callers = []
    while event is not None:
        callers.append(event.name)
        event = event.cpu_parent
    for name in reversed(callers):
        for kind, pattern in KINDS.items():
            if re.search(pattern, name):
                return kind
    return "other"


def seconds_by_kind(events):
    """Per step. The profiler's times go on while another program has the core: a total above the CPU time tells."""
    seconds = collections.Counter(dict.fromkeys([*KINDS, "other"], 0.0))
    for event in events:
        seconds[kind_of(event)] += event.self_cpu_time_total * 1e-6 / PROFILED_STEPS
    return seconds


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, found '{text}'")
    return int(text)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=NETWORKS, required=True)
    parser.add_argument("--weights", type=pathlib.Path, metavar="FILE.safetensors",
                        help="torchvision's names and layouts, and maybe `images` and `labels`; default: initial weights, "
                             "and random images")
    parser.add_argument("--batch", type=positive, default=16)
    parser.add_argument("--image-size", type=positive, default=224)
    parser.add_argument("--classes", type=positive, default=1000)
    parser.add_argument("--layout", choices=[*LAYOUTS, "both"], default="both")
    parser.add_argument("--steps", type=positive, default=5, help="default: %(default)s; of no effect with --turns")
    parser.add_argument("--threads", type=positive, default=1)
    parser.add_argument("--turns", action="store_true", help="a step per line of standard input")
    parser.add_argument("--profile", action="store_true",
                        help=f"at last, the time of a step by kinds of operators, from {PROFILED_STEPS} steps more")
    return parser.parse_args()


def tensors_of(path):
    if path is None:
        return {}
    if not path.is_file():
        raise Failure(f"{path}: expected a safetensors file, found no file")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise Failure(f"{path}: expected a safetensors file: {error}") from error


def batch_of(options, tensors):
    """Takes images and labels out of `tensors`."""
    shape = (options.batch, 3, options.image_size, options.image_size)
    images = tensors.pop("images", None)
    labels = tensors.pop("labels", None)
    if images is None:
        images = torch.randn(shape)
    if labels is None:
        labels = torch.randint(options.classes, shape[:1])
    if images.shape != shape or labels.shape != shape[:1]:
        raise Failure(f"{options.weights}: expected images of {list(shape)} and labels of {list(shape[:1])}, "
                      f"found {list(images.shape)} and {list(labels.shape)}")
    return images.float(), labels.long()


def make_trainees(options):
    tensors = tensors_of(options.weights)
    images, labels = batch_of(options, tensors)
    trainees = []
    for layout in LAYOUTS if options.layout == "both" else [options.layout]:
        model = make_model(options.model, options.classes)
        if options.weights is not None:
            try:
                model.load_state_dict(tensors)
            except RuntimeError as error:
                raise Failure(f"{options.weights}: expected the tensors of {options.model}: {error}") from error
        trainees.append(Trainee(layout, model, images, labels))
    return trainees


def main():
    options = parse_arguments()
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    trainees = make_trainees(options)
    for trainee in trainees:
        for _ in range(WARM_UP_STEPS):
            trainee.step()
    print(f"network_peer: {options.model}, PyTorch {torch.__version__}, threads {torch.get_num_threads()}: ready",
          file=sys.stderr, flush=True)
    for _ in sys.stdin if options.turns else range(options.steps):
        for trainee in trainees:
            trainee.timed_step()
    for trainee in trainees:
        if trainee.seconds:
            trainee.summarise()
        if options.profile:
            trainee.profile()
    return 0


if __name__ == "__main__":
    sys.exit(run("network_peer", main))
