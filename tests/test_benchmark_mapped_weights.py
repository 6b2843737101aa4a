"""The benchmark of mapped weights: it works, and what is mapped by default keeps its bits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "mapped_weights.py"


def test_what_is_mapped_keeps_its_bits() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--rounds", "6"], capture_output=True, text=True, check=True)
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")][2:]
    mapped = [bits for name, bits, _ in rows if "not mapped" not in name]
    assert len(mapped) == 7
    assert set(mapped) == {"yes"}
