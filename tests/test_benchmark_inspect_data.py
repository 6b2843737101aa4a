"""The benchmark of `inspect data`, small: it runs, and memory does not follow the size of the data."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "inspect_data.py"
MEGABYTES = 160


def test_memory_is_bounded(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--megabytes", str(MEGABYTES), "--rounds", "1"]
    result = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    found = re.findall(r"^(\S+) +[\d.]+ GB/s, [\d.]+ s, (-?\d+) MB above the interpreter", result.stdout, re.MULTILINE)
    assert [name for name, _ in found] == [".npz", "folder", ".safetensors"]
    assert max(int(memory) for _, memory in found) < MEGABYTES / 4  # one of four arrays, if it were loaded
