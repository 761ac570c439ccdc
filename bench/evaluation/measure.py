"""Measures what the projection of networks needs, and writes evaluation.json."""
import dataclasses
import datetime
import os
import platform

from .evaluation import FORMAT, VERSIONS, write_json
from .measurements import PASSES, unique
from .program import Failure
from .runner import cpu_model, jobs_of


def times_of(reports, layer):
    times = {conv_pass: {} for conv_pass in PASSES}
    for conv_pass in PASSES:
        report = reports[f"{conv_pass}_{layer}"]
        if report.failures:
            raise Failure(report.failures[0])
        for (_, _, percent), implementations in sorted(report.times.items()):
            for name, rounds in implementations.items():
                times[conv_pass].setdefault(name, {})[percent] = rounds
    return times


def layer_record(reports, layer, batch):
    return {"problem": layer.problem, "batch": batch, "flops": 2 * layer.macs * batch,
            "times_ms": times_of(reports, layer.name)}


def machine_record(context, effort, batches):
    return {"cpu": cpu_model(), "cores": os.cpu_count() or 1, "system": f"{platform.system()} {platform.release()}",
            "isa": context["isa"], "uarch": context["uarch"], "threads": context["threads"], "time": context["time"],
            "batch": ", ".join(map(str, unique(batches))), "rounds": effort.rounds, "min_time": effort.min_time}


def measure(runner, layers, networks, command, quick):
    """Runs whatever has not been measured yet; the path of evaluation.json."""
    reports = runner.run_all(jobs_of(layers, runner.effort))
    peak = reports["peak"]
    batches = [runner.effort.batch or layer.batch for layer in layers]
    path = runner.directory.parent / "evaluation.json"
    write_json(path, {
        "format": FORMAT,
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "command": command,
        "quick": quick,
        "machine": machine_record(peak.context, runner.effort, batches),
        "versions": {name: peak.context[name] for name in VERSIONS},
        "peak_flops": max(peak.peak),
        "layers": {layer.name: layer_record(reports, layer, batch) for layer, batch in zip(layers, batches)},
        "networks": [dataclasses.asdict(network) for network in networks],
    })
    return path
