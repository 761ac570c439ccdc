"""The benchmark runs. Its figures are for people. Calibrated weights leave the zeros that they are to leave."""
import pathlib
import re
import subprocess
import sys

import pytest
import torch
from sparsetrain.torch.bench import CONVOLUTIONS, make_model
from sparsetrain.torch.calibration import calibrate_zeros, read_profile
from torch import nn

PROFILES = pathlib.Path(__file__).parents[2] / "bench/evaluation"
HEADER = "# zeros\nnetwork,relu_output,epochs_per_mean,mean,means\n"


def run(*options):
    command = [sys.executable, "-m", "sparsetrain.torch.bench", *options, "--batch", "2", "--image-size", "32", "--steps", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)


def test_a_table_with_a_row_for_each_kind():
    text = run("--model", "resnet18", "--kinds", "nchw", "converted", "--memory", "--report").stdout
    rows = re.findall(r"^(nchw|converted)" + 4 * r" +([\d.]+)" + r" +(\d+)$", text, flags=re.MULTILINE)
    assert [row[0] for row in rows] == ["nchw", "converted"] and all(float(number) > 0 for row in rows for number in row[1:])
    assert "19 convolutions in 1 islands" in text


def test_fixup_at_a_profile_with_a_plot(tmp_path):
    pytest.importorskip("matplotlib")
    plot = tmp_path / "bars.png"
    done = run("--model", "fixup_resnet50", "--kinds", "converted", "--profile", str(PROFILES / "fixup_zeros.csv"),
               "--plot", str(plot))
    assert re.search(r"zeros of 49 ReLUs within 0\.\d\d of", done.stderr)
    assert re.search(r"^converted +[\d.]+", done.stdout, flags=re.MULTILINE) and plot.read_bytes()[1:4] == b"PNG"


def zeros_of_relus(model, images):
    """Percentages, of the outputs of max pools where these follow."""
    found, handles = [], []

    def see(module, inputs, result):
        if isinstance(module, nn.MaxPool2d):
            found.pop()
        found.append(100 * float((result == 0).float().mean()))
    for module in model.modules():
        if isinstance(module, (nn.ReLU, nn.MaxPool2d)):
            handles.append(module.register_forward_hook(see))
    model(images)
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("name, file", [("vgg16", "published_zeros.csv"), ("resnet50", "published_zeros.csv"),
                                        ("fixup_resnet50", "fixup_zeros.csv")])
def test_calibrated_zeros(name, file):
    wanted = read_profile(PROFILES / file, name)
    model, images = make_model(name).train(), torch.randn(2, 3, 64, 64)
    told = calibrate_zeros(model, images, wanted)
    found = zeros_of_relus(model, images)[:len(wanted)]
    # The last layers have a few thousand values, and some of them are equal.
    assert all(abs(one - other) <= 1.0 for one, other in zip(found, wanted)) and len(found) == len(wanted)
    assert all(abs(one - other) <= 0.5 for one, other in zip(found, told))


def test_all_passes_of_convolutions_are_known():
    from sparsetrain.torch.operators import registry
    of_convolutions = [name for name in registry.NAMES if "conv" in name]
    assert len(of_convolutions) >= 7 and all(CONVOLUTIONS.fullmatch(f"sparsetrain::{name}") for name in of_convolutions)
    assert not CONVOLUTIONS.fullmatch("sparsetrain::relu_backward")


def test_profiles_are_read(tmp_path):
    path = tmp_path / "profile.csv"
    path.write_text(HEADER + "a,conv1,6,10.5,1 2\na,conv2,6,20,3\na,pool1,6,30,4\nb,conv1,6,40,5\na,conv3,6,50,6\n")
    assert read_profile(path, "a") == [10.5, 30, 50]
    with pytest.raises(ValueError, match="expected rows of c, found none"):
        read_profile(path, "c")
    path.write_text("network,zeros\n")
    with pytest.raises(ValueError, match="expected the header network,relu_output"):
        read_profile(path, "a")


def test_what_cannot_be_calibrated():
    model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3, bias=False), nn.ReLU())
    with pytest.raises(ValueError, match="expected a bias before the ReLU"):
        calibrate_zeros(model, torch.randn(1, 3, 9, 9), [50, 50])
    with pytest.raises(ValueError, match="at most 1 ReLUs, found 2"):
        calibrate_zeros(model[:2], torch.randn(1, 3, 9, 9), [50, 50])
