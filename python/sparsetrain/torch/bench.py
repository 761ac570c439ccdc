"""Times training steps of a model: stock PyTorch in both layouts, compiled, and converted, in turns.

    python -m sparsetrain.torch.bench --model resnet50

All have the same weights, and a learning rate of zero, with all of SGD's arithmetic. Weights as they are made leave about half
of the zeros that training leaves: --profile shifts biases so that ReLUs leave what a file says, --weights takes a safetensors
file of a network, with `images` and `labels` or without.
"""
import argparse
import copy
import pathlib
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field

import torch

from . import convert, report
from .calibration import calibrate_zeros, read_profile
from .fixup import FixupResNet

KINDS = ("nchw", "channels_last", "compiled", "converted")
WARM_UP_STEPS = 6  # the library learns which kernels are fastest
CONVOLUTIONS = re.compile(r"aten::convolution(_backward)?|sparsetrain::(shifted_)?conv(_relu|_backward(_data|_weights)?)?")


@dataclass
class Trainee:
    kind: str
    model: torch.nn.Module
    images: torch.Tensor
    labels: torch.Tensor
    seconds: list = field(default_factory=list)

    def __post_init__(self):
        if self.kind == "channels_last":
            self.model = self.model.to(memory_format=torch.channels_last)
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        elif self.kind == "converted":
            convert(self.model)
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=0.0, momentum=0.9, weight_decay=1e-4)
        self.forward = torch.compile(self.model) if self.kind == "compiled" else self.model

    def step(self):
        self.optimiser.zero_grad()
        torch.nn.functional.cross_entropy(self.forward(self.images), self.labels).backward()
        self.optimiser.step()

    def timed_step(self):
        begin = time.perf_counter()
        self.step()
        self.seconds.append(time.perf_counter() - begin)

    def seconds_outside(self):
        """Of a step, what is not in convolutions: other operators, conversions of layouts, Python."""
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
            begin = time.perf_counter()
            self.step()
            seconds = time.perf_counter() - begin
        inside = sum(event.cpu_time_total for event in profiler.events() if CONVOLUTIONS.fullmatch(event.name))
        return seconds - 1e-6 * inside


def parse_arguments():
    parser = argparse.ArgumentParser(prog="python -m sparsetrain.torch.bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet50", help="of torchvision, or fixup_resnet50; default: %(default)s")
    parser.add_argument("--weights", type=pathlib.Path, metavar="FILE.safetensors")
    parser.add_argument("--profile", type=pathlib.Path, metavar="FILE.csv",
                        help="percentages of zeros, as bench/evaluation/published_zeros.csv of the project's repository")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--memory", action="store_true", help="the peak memory of each, in a process of its own")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE.png", help="images/s as bars; needs matplotlib")
    parser.add_argument("--report", action="store_true", help="what each convolution does")
    parser.add_argument("--peak-of", choices=KINDS, help=argparse.SUPPRESS)
    return parser.parse_args()


def make_model(name):
    if name == "fixup_resnet50":
        return FixupResNet()
    import torchvision
    options = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    return torchvision.models.get_model(name, weights=None, num_classes=1000, **options)


def make_trainees(options, kinds):
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    model = make_model(options.model).train()
    tensors = {}
    if options.weights is not None:
        from safetensors.torch import load_file
        tensors = load_file(options.weights)
    images = tensors.pop("images", torch.randn(options.batch, 3, options.image_size, options.image_size)).float()
    labels = tensors.pop("labels", torch.randint(1000, (len(images),))).long()
    if tensors:
        model.load_state_dict(tensors)
    if options.profile is not None:
        wanted = read_profile(options.profile, options.model)
        found = calibrate_zeros(model, images, wanted)
        worst = max(abs(one - other) for one, other in zip(wanted, found))
        print(f"zeros of {len(found)} ReLUs within {worst:.2f} of the profile's percentages", file=sys.stderr)
    return [Trainee(kind, copy.deepcopy(model) if len(kinds) > 1 else model, images, labels) for kind in kinds]


def peak_memory(kind):
    """In MB, of a process that does nothing else."""
    done = subprocess.run([sys.executable, "-m", "sparsetrain.torch.bench", *sys.argv[1:], "--peak-of", kind],
                          capture_output=True, text=True, check=True)
    return int(done.stdout)


def print_peak(options):
    trainee, = make_trainees(options, [options.peak_of])
    for _ in range(WARM_UP_STEPS):
        trainee.step()
    # Not getrusage's, which a process has from the one that started it.
    status = pathlib.Path("/proc/self/status").read_text()
    print(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024)


def print_table(options, trainees):
    print(f"{options.model}, {len(trainees[0].labels)} images of {options.image_size} pixels, {options.threads} threads, "
          f"PyTorch {torch.__version__}")
    print(f"{'':<15}{'images/s':>10}{'best s':>9}{'median s':>10}{'outside of convolutions s':>27}{'peak MB':>9}")
    for trainee in trainees:
        best, median = min(trainee.seconds), statistics.median(trainee.seconds)
        peak = peak_memory(trainee.kind) if options.memory else ""
        print(f"{trainee.kind:<15}{len(trainee.labels) / median:>10.2f}{best:>9.3f}{median:>10.3f}"
              f"{trainee.seconds_outside():>27.3f}{peak:>9}")


def draw(options, trainees):
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    bars = axes.bar([trainee.kind for trainee in trainees],
                    [len(trainee.labels) / statistics.median(trainee.seconds) for trainee in trainees])
    axes.bar_label(bars, fmt="%.2f")
    axes.set_ylabel("images/s")
    axes.set_title(f"Training steps of {options.model}, batch {len(trainees[0].labels)}, {options.threads} threads")
    figure.savefig(options.plot)


def main():
    options = parse_arguments()
    if options.peak_of is not None:
        print_peak(options)
        return
    trainees = make_trainees(options, list(options.kinds))
    for trainee in trainees:
        for _ in range(WARM_UP_STEPS if trainee.kind == "converted" else 2):
            trainee.step()
    for _ in range(options.steps):
        for trainee in trainees:
            trainee.timed_step()
    print_table(options, trainees)
    if options.plot is not None:
        draw(options, trainees)
    if options.report:
        print(*(report(trainee.model) for trainee in trainees if trainee.kind == "converted"))


if __name__ == "__main__":
    main()
