"""What saving and loading an array of 100 MB costs in each format, beside `numpy.save` and `numpy.load`.

    python benchmarks/saved_data.py

Page cache warm; medians of five rounds, each format in turn. Reading sums the array, so mapped data is touched too.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import trtkit

ROUNDS = 5
FORMATS = {"folder": "", ".npz": ".npz", ".safetensors": ".safetensors", ".json": ".json"}


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Print a table of medians."""
    array = np.random.default_rng(0).random(25_000_000, np.float32)
    times: dict[str, list[tuple[float, float]]] = {"numpy": [], **{name: [] for name in FORMATS}}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for _ in range(ROUNDS):
            plain = folder / "plain.npy"
            times["numpy"].append(
                (seconds(lambda: np.save(plain, array)), seconds(lambda: float(np.load(plain).sum())))  # noqa: B023
            )
            for name, suffix in FORMATS.items():
                path = folder / f"saved{suffix}"
                wrote = seconds(lambda: trtkit.save_outputs({"y": array}, path))  # noqa: B023
                read = seconds(lambda: float(trtkit.load_outputs(path).runs[0].iterations[0]["y"].sum()))  # noqa: B023
                times[name].append((wrote, read))
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, found in times.items():
        wrote, read = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{name:14} save {wrote:.2f} s   read and sum {read:.2f} s")  # noqa: T201 - a script's answer


if __name__ == "__main__":
    main()
