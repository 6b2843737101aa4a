"""The benchmark of the rewriting, small: it runs, and keeps to its memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "precision_rewriting.py"


def test_runs(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--gigabytes", "0.1", "--rounds", "1", "--folder", str(tmp_path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert len(re.findall(r"trtkit convert +[\d.]+ s", result.stdout)) == 2
    assert re.findall(r" MB: (\w+)\)", result.stdout) == ["met", "met"]


def test_tools(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--tools", "--folder", str(tmp_path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [line for line in result.stdout.splitlines() if line.startswith("trtkit ")]
    assert len(lines) == 12
    assert not [line for line in lines if "FAILS" in line or "CHANGED" in line or "raises" in line]
