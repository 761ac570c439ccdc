"""The command line of scripts/evaluate."""
import argparse
import pathlib
import shlex
import subprocess

from .compare import print_comparison
from .evaluation import read_evaluation
from .layers import SHIPPED_LAYERS, read_layers
from .measure import measure
from .measurements import unique
from .metrics import network_of_metrics
from .networks import TABLES, published_network
from .program import Failure, run
from .projection import Projection
from .runner import FULL, QUICK, Runner
from .schema import printable

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DESCRIPTION = """\
The paper's evaluation on this machine: times every convolution of the networks but the first, in all passes, with all
peers, projects them to the zeros of a training run, and writes report.html and report.md. A run that was interrupted goes on
where it was. Needs scripts/setup.
"""


def network_names(text):
    names = text.split(",")
    for name in names:
        if name not in TABLES:
            raise argparse.ArgumentTypeError(f"expected names of {', '.join(TABLES)}, separated by commas, found '{name}'")
    return names


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, found '{text}'")
    return int(text)


def share(text):
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to below 1, found '{text}'")
    return value


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="scripts/evaluate", description=DESCRIPTION)
    parser.add_argument("--quick", action="store_true", help="within 10 minutes: small batches, fewer rounds and percents")
    subject = parser.add_mutually_exclusive_group()
    subject.add_argument("--networks", type=network_names, default=list(TABLES), metavar="A,B",
                         help=f"of {', '.join(TABLES)}; default: all")
    subject.add_argument("--profile", type=pathlib.Path, metavar="FILE",
                         help="a network of your own: what `sparsetrain train --metrics FILE` wrote")
    subject.add_argument("--compare", type=pathlib.Path, nargs=2, metavar=("OLD.json", "NEW.json"),
                         help="measure nothing, compare two evaluation.json; fails if a layer and pass is slower or missing")
    subject.add_argument("--report", type=pathlib.Path, metavar="EVALUATION.json",
                         help="measure nothing, make the report of an earlier run anew, beside that file")
    parser.add_argument("--threads", type=positive, default=1)
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="default: build/evaluation/...")
    parser.add_argument("--noise", type=share, default=0.05,
                        help="how much slower --compare lets a layer and pass be (default: %(default)s)")
    parser.add_argument("--conv-bench", type=pathlib.Path, metavar="FILE",
                        help="a conv_bench that is already built; default: that of build/release, which is built first")
    return parser.parse_args(arguments)


def built_conv_bench():
    if subprocess.run([ROOT / "scripts/build", "release"], check=False).returncode != 0:
        raise Failure("the build failed")
    return ROOT / "build/release/bin/conv_bench"


def default_directory(options):
    name = "quick" if options.quick else "full"
    if options.profile:
        name += f"-{options.profile.stem}"
    return ROOT / "build/evaluation" / (name if options.threads == 1 else f"{name}-threads{options.threads}")


def subject_of(options, directory):
    """What is measured: the file of the layers, their names, and the networks that consist of them."""
    if options.profile:
        layers_file = directory / "layers.txt"
        network = network_of_metrics(options.profile, layers_file)
        return layers_file, list(read_layers(layers_file)), [network]
    networks = [published_network(name) for name in options.networks]
    wanted = unique(convolution.layer for network in networks for convolution in network.convolutions)
    return SHIPPED_LAYERS, wanted, networks


def run_evaluation(options, command):
    directory = options.out or default_directory(options)
    (directory / "measurements").mkdir(parents=True, exist_ok=True)
    layers_file, wanted, networks = subject_of(options, directory)
    layers = read_layers(layers_file)
    runner = Runner(options.conv_bench or built_conv_bench(), layers_file, directory / "measurements",
                    QUICK if options.quick else FULL, options.threads)
    return measure(runner, [layers[name] for name in wanted], networks, command, options.quick)


def report_on(path):
    try:
        from .report import write_report  # only here, as nothing else needs matplotlib
    except ModuleNotFoundError as error:
        raise Failure(f"expected the Python package {error.name}, which scripts/setup installs into .venv") from error
    evaluation = read_evaluation(path)
    evaluation.check_complete()
    projections = [Projection(evaluation, network) for network in evaluation.networks]
    page, markdown = write_report(evaluation, projections, path.parent)
    for own in projections:
        print(f"{own.network.title}: {own.speed('ours', 'direct'):.2f}x over oneDNN direct, "
              f"{own.speed('ours', 'dense'):.2f}x over the best dense peers")
    print(f"evaluate: report in {page} and {markdown}, data in {path}")


def main(arguments):
    options = parse_arguments(arguments)

    def evaluate():
        if options.compare:
            return 0 if print_comparison(*map(read_evaluation, options.compare), options.noise) else 1
        report_on(options.report or run_evaluation(options, printable(shlex.join(["scripts/evaluate", *arguments]))))
        return 0
    return run("evaluate", evaluate, "interrupted; the same command goes on from here")
