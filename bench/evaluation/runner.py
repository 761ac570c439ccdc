"""Runs conv_bench, once for each layer and pass, so that a run can be interrupted and taken up again: a finished file is kept
as long as nothing has changed that it depends on.
"""
import hashlib
import pathlib
import platform
import subprocess
from dataclasses import dataclass, field

from . import schema
from .evaluation import VERSIONS, write_json
from .measurements import FORCED, PASSES, PEAK_NAME, Report
from .program import Failure
from .progress import Progress

COMPARED = ("auto", "auto_masked", "dense", "onednn", "onednn_winograd")  # at every percent
FORCED_UP_TO = 50  # percent of zeros: below, FORCED tell where break-even is; above, they are what `auto` runs
ONCE = "im2col"  # slow, and its time does not depend on zeros
ONCE_AT = 50
PEAK = f"^{PEAK_NAME}$"
KERNELS = schema.fields(context=schema.fields(**dict.fromkeys(("isa", "uarch", *VERSIONS), schema.text)))
SECONDS_PER_FLOP = 1e-11  # a guess, for the first estimate of the time left


@dataclass(frozen=True)
class Effort:
    rounds: int
    min_time: float  # seconds that a benchmark runs at least, per round
    percents: tuple
    peers: tuple = ()  # beyond COMPARED
    batch: int | None = None  # in place of the layers' own

    @property
    def arguments(self):
        batch = [] if self.batch is None else ["--batch", str(self.batch)]
        return [*batch, "--rounds", str(self.rounds), f"--benchmark_min_time={self.min_time}"]


FULL = Effort(rounds=5, min_time=0.05, percents=(0, 30, 50, 70, 80, 90, 95), peers=(ONCE,))
QUICK = Effort(rounds=3, min_time=0.01, percents=(0, 50, 80, 95), batch=4)


@dataclass(frozen=True)
class Job:
    """A call of conv_bench."""
    name: str
    filter: str
    problem: str
    seconds: float  # expected


def job_of(layer, conv_pass, effort):
    prefix = f"^conv/{conv_pass}/{layer.name.replace('.', '[.]')}"

    def benchmarks(percents, implementations):
        return f"{prefix}/z({'|'.join(map(str, percents))})/({'|'.join(implementations)})$"

    low = [percent for percent in effort.percents if percent <= FORCED_UP_TO]
    filters = [benchmarks(effort.percents, COMPARED), benchmarks(low, FORCED)]
    if ONCE in effort.peers:
        filters.append(benchmarks([ONCE_AT], [ONCE]))
    run = 2 * layer.macs * (effort.batch or layer.batch) * SECONDS_PER_FLOP
    runs = len(effort.percents) * len(COMPARED) + len(low)
    return Job(f"{conv_pass}_{layer.name}", "|".join(filters), layer.problem,
               runs * (run + effort.rounds * max(1.5 * effort.min_time, run)))


def jobs_of(layers, effort):
    peak = Job("peak", PEAK, "", effort.rounds * effort.min_time)
    return [peak] + [job_of(layer, conv_pass, effort) for layer in layers for conv_pass in PASSES]


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return schema.printable(line.partition(": ")[2])
    return "unknown CPU"


@dataclass
class Runner:
    conv_bench: pathlib.Path
    layers_file: pathlib.Path
    directory: pathlib.Path  # of the files, one per job
    effort: Effort
    threads: int
    fixed: dict = field(init=False)  # what all jobs' measurements depend on

    def __post_init__(self):
        if not self.conv_bench.is_file():
            raise Failure(f"{self.conv_bench}: expected conv_bench, found no file")
        self.fixed = {
            "conv_bench": hashlib.sha256(self.conv_bench.read_bytes()).hexdigest(),
            "cpu": cpu_model(),
            "system": platform.release(),
            "arguments": ["--threads", str(self.threads), *self.effort.arguments],
        }
        # The peers are shared libraries, and the environment may choose the kernels: one short run tells.
        context = self.call(PEAK, ["--rounds", "1", "--benchmark_min_time=0.001"])["context"]
        self.fixed["context"] = {key: context[key] for key in ("isa", "uarch", *VERSIONS)}

    def file_of(self, job):
        return self.directory / f"{job.name}.json"

    def settings_of(self, job):
        return {**self.fixed, "problem": job.problem, "filter": job.filter}

    def is_done(self, job):
        """A file that is damaged is measured anew."""
        try:
            report = Report(self.file_of(job))
        except Failure:
            return False
        return report.document.get("settings") == self.settings_of(job) and not report.failures

    def run_all(self, jobs):
        """{job's name: Report}"""
        left = [job for job in jobs if not self.is_done(job)]
        if len(left) < len(jobs):
            print(f"evaluate: {len(jobs) - len(left)} of {len(jobs)} measurements are there already")
        progress = Progress(len(left), sum(job.seconds for job in left))
        for job in left:
            progress.begin(job.name)
            self.run(job)
            progress.end(job.name, job.seconds)
        progress.finish()
        return {job.name: Report(self.file_of(job)) for job in jobs}

    def run(self, job):
        document = self.call(job.filter, self.fixed["arguments"])
        write_json(self.file_of(job), {"settings": self.settings_of(job), **document})

    def call(self, benchmarks, arguments):
        """What conv_bench writes of the benchmarks that match."""
        measured = self.directory / "unfinished.json"
        measured.unlink(missing_ok=True)
        command = [str(self.conv_bench), "--layers", str(self.layers_file), *arguments,
                   f"--benchmark_filter={benchmarks}", f"--benchmark_out={measured}", "--benchmark_out_format=json"]
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if result.returncode != 0:
            raise Failure(f"{' '.join(command)}: failed with exit code {result.returncode}:\n"
                          f"{result.stdout[-2000:]}{result.stderr[-2000:]}")
        report = Report(measured)
        report.check(KERNELS, report.document, "")
        if not report.times and not report.peak:
            raise Failure(f"{measured}: expected benchmarks that match {benchmarks}, found none")
        measured.unlink()
        return report.document
