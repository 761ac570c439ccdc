"""bench/profile_of_run.py on the records of a made-up run."""
import json
import pathlib
import subprocess
import sys
import tempfile

BENCH = pathlib.Path(sys.argv[1])
CONVOLUTIONS = ("conv1", "layer1.0.conv1", "layer1.0.conv2", "layer1.0.conv3", "layer1.0.downsample", "layer1.1.conv1",
                "layer1.1.conv2", "layer1.1.conv3")


def step_record(step):
    """Zeros of src are the convolution's place, those of diff_dst 50 more; both rise by 1 in the second half."""
    later = step >= 10
    return {"record": "step", "step": step,
            "convolutions": [{"name": name, "zeros_src": place + later, "zeros_diff_dst": 50 + place + later}
                             for place, name in enumerate(CONVOLUTIONS)]}


def profile(records):
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "metrics.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return subprocess.run([sys.executable, BENCH / "profile_of_run.py", path, "net"], capture_output=True, text=True,
                              check=False)


def check_rows():
    run = profile([{"record": "header"}, *map(step_record, range(20)), {"record": "summary"}])
    assert run.returncode == 0, run.stderr
    rows = [line.split(",") for line in run.stdout.splitlines()]
    assert rows[0] == ["network", "relu_output", "epochs_per_mean", "mean", "means"], rows[0]
    assert [row[1] for row in rows[1:]] == [
        "stem", "stage2_block1_reduce", "stage2_block1_spatial", "stage2_block1_out", "stage2_block2_reduce",
        "stage2_block2_spatial", "stage2_block2_out"], rows
    assert [row[3] for row in rows[1:]] == ["1.5", "2.5", "3.5", "5.5", "6.5", "7.5", "57.5"], rows
    assert rows[1][4].split() == ["1.0"] * 5 + ["2.0"] * 5, rows[1]


def check_short_run():
    run = profile(map(step_record, range(3)))
    assert run.returncode == 1 and "expected at least 10 steps, found 3" in run.stderr, run.stderr


def check_other_network():
    record = {"record": "step", "convolutions": [{"name": "layer1.0.conv1", "zeros_src": 1, "zeros_diff_dst": 1}]}
    run = profile([record] * 10)
    assert run.returncode == 1 and "expected a network of bottleneck blocks" in run.stderr, run.stderr


check_rows()
check_short_run()
check_other_network()
