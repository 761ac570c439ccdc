"""The paper's evaluation on the reader's machine: scripts/evaluate. Only plots.py needs matplotlib."""
