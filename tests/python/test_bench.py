"""The benchmark runs. Its figures are for people."""
import re
import subprocess
import sys


def test_a_table_with_a_row_for_each_kind():
    command = [sys.executable, "-m", "sparsetrain.torch.bench", "--model", "resnet18", "--batch", "2", "--image-size", "32",
               "--steps", "1", "--kinds", "nchw", "converted", "--memory", "--report"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout
    rows = re.findall(r"^(nchw|converted) +([\d.]+) +([\d.]+) +([\d.]+) +(\d+)$", text, flags=re.MULTILINE)
    assert [row[0] for row in rows] == ["nchw", "converted"] and all(float(number) > 0 for row in rows for number in row[1:])
    assert "19 convolutions in 1 islands" in text
