"""Small evaluations with times that can be computed by hand."""


def times_ms(auto, auto_masked=None, onednn=8.0, **dense):
    """{implementation: {percent: [ms]}} of a pass; oneDNN and dense peers take the same at every percent of `auto`."""
    found = {"onednn": {percent: [onednn] for percent in auto}, "auto": {percent: [time] for percent, time in auto.items()}}
    if auto_masked:
        found["auto_masked"] = {percent: [time] for percent, time in auto_masked.items()}
    for name, time in dense.items():
        found[name] = {percent: [time] for percent in auto}
    return {name: {str(percent): rounds for percent, rounds in of.items()} for name, of in found.items()}


def document(layers, networks=()):
    """An evaluation.json; `layers` are {name: {pass: times_ms()}}, each of 1 MFLOP; the peak is 1 GFLOP/s."""
    return {
        "format": 1, "date": "2030-01-02T03:04+00:00", "command": "scripts/evaluate --quick", "quick": True,
        "machine": {"cpu": "Test CPU <1>", "cores": 2, "system": "Linux", "isa": "avx512", "uarch": "zen4", "threads": "1",
                    "time": "cpu_time", "batch": "4", "rounds": 1, "min_time": 0.01},
        "versions": {"sparsetrain": "0.1.0", "halide": "21.0.0", "compiler": "GNU 12", "onednn": "2.6.3",
                     "openblas": "OpenBLAS 0.3"},
        "peak_flops": 1e9,
        "layers": {name: {"problem": "", "batch": 4, "flops": 1e6, "times_ms": times} for name, times in layers.items()},
        "networks": list(networks),
    }


def every_pass(**arguments):
    return {conv_pass: times_ms(**arguments) for conv_pass in ("fwd", "bwd_data", "bwd_weights")}


def network(*convolutions, name="tiny", title="Tiny"):
    """`convolutions` are (name, layer, zeros of src, zeros of diff_dst)."""
    return {"name": name, "title": title, "time_unit": "epoch", "per_value": 1,
            "convolutions": [dict(zip(("name", "layer", "src", "diff_dst"), values)) for values in convolutions]}
