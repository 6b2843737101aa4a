"""How fast `trtkit inspect data` goes through saved data of 1 GB, and what memory it needs.

    python benchmarks/inspect_data.py [--megabytes 1000] [--rounds 3] [--formats .npz folder ...]

Four float32 arrays in one iteration, page cache warm. The whole command is timed, the interpreter's start included; the
best of the rounds is printed, with the most resident memory of the process above that of an interpreter that has
imported numpy (what a format maps counts as resident). Beside it stands what a script takes that loads each array with
numpy and prints minimum, maximum, mean and standard deviation.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ARRAYS = 4
SUFFIXES = {"folder": "", ".npz": ".npz", ".safetensors": ".safetensors", ".json": ".json"}
BARE = "import numpy"
WRITE = """
import sys, numpy as np, trtkit
path, arrays, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(0)
trtkit.save_outputs({f"y{i}": rng.standard_normal(size, np.float32) for i in range(arrays)}, path)
"""
PLAIN = """
import sys, pathlib, numpy as np
path = pathlib.Path(sys.argv[1])
found = np.load(path) if path.suffix else {p.stem: np.load(p, mmap_mode="r") for p in path.rglob("*.npy")}
for name in found:
    if name != "trtkit.json":
        array = found[name]
        print(name, array.min(), array.max(), array.mean(), array.std())
"""


def measure(command: list[str]) -> tuple[float, int]:
    """Wall time in seconds and peak resident memory in bytes of a process.

    The kernel counts the memory of the process that starts it as well, so this one stays small and imports no numpy.
    """
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_maxrss * 1024


def best(command: list[str], rounds: int) -> tuple[float, int]:
    """The least time and the most memory of several rounds."""
    times, peaks = zip(*(measure(command) for _ in range(rounds)), strict=True)
    return min(times), max(peaks)


def main() -> None:
    """Print one line per format."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=1000, help="size of the data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", nargs="+", choices=SUFFIXES, default=[".npz", "folder", ".safetensors"])
    options = parser.parse_args()
    size = options.megabytes * 1_000_000 // 4 // ARRAYS
    _, bare = best([sys.executable, "-c", BARE], options.rounds)
    for name in options.formats:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"saved{SUFFIXES[name]}"
            measure([sys.executable, "-c", WRITE, str(path), str(ARRAYS), str(size)])
            seconds, peak = best([sys.executable, "-m", "trtkit", "inspect", "data", str(path)], options.rounds)
            line = f"{name:12} {size * ARRAYS * 4 / seconds / 1e9:.2f} GB/s, {seconds:.2f} s"
            line += f", {(peak - bare) / 1e6:.0f} MB above the interpreter"
            if name in (".npz", "folder"):
                plain, most = best([sys.executable, "-c", PLAIN, str(path)], options.rounds)
                line += f"; plain numpy {plain:.2f} s, {(most - bare) / 1e6:.0f} MB"
            print(line)  # noqa: T201 - a script's answer


if __name__ == "__main__":
    main()
