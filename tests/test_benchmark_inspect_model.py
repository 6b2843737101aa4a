"""The benchmark of `inspect model`, small: it runs, and memory does not follow the size of the weights."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "inspect_model.py"


def test_runs() -> None:
    pytest.importorskip("polygraphy")
    command = [sys.executable, str(SCRIPT), "--gigabytes", "0.2", "--nodes", "60", "--rounds", "1"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    titles = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert len(titles) == 3
    assert len(re.findall(r"^  trtkit +[\d.]+ s", result.stdout, re.MULTILINE)) == 3
    (above,) = re.findall(r"onnx\.load .* time, ([+-]\d+) MB", result.stdout)
    assert int(above) < 40
