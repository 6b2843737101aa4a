"""A folder with a suite of many jobs, some of which are planted to end in each way that there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import zoo
from planted_scripts import write_script

import trtkit

__all__ = ["PLANTED", "write_suite"]

PLANTED = {
    "planted/abort": "CRASH",
    "planted/exit": "CRASH",
    "planted/raise": "ERROR",
    "planted/daemon": "PASS",
    "planted/hog": "MEMORY",
    "hang": "TIMEOUT",
    "gone": "ERROR",
    "mismatch": "FAIL",
    "waived": "XFAIL",
    "expired": "FAIL",
    "alone": "RAN",
}
"""Job to verdict; every other job passes."""

_WAIVER = '[[waiver]]\noutput = "y"\nreason = "known"\nexpires = {}\n'

_SUITE = """
[defaults]
runners = ["onnxrt", "onnxref"]
time-limit = 120

[[jobs]]
model = "models/*.onnx"
matrix.seed = {seeds}

[[jobs]]
name = "planted"
model = "models/linear.onnx"
memory-limit = "600M"
matrix.data-loader-script = ["abort.py", "exit.py", "raise.py", "daemon.py", "hog.py"]

[[jobs]]
name = "hang"
model = "models/linear.onnx"
time-limit = "3s"
data-loader-script = "hang.py"

[[jobs]]
model = "models/gone.onnx"

[[jobs]]
name = "{{case}}"
model = "models/identity.onnx"
runners = "onnxrt"
load-inputs = "inputs.npz"
load-outputs = "other.npz"
matrix.case = [
    {{ name = "mismatch" }},
    {{ name = "waived", waivers = "waivers.toml" }},
    {{ name = "expired", waivers = "expired.toml" }},
]

[[jobs]]
name = "alone"
model = "models/linear.onnx"
runners = "onnxrt"
"""


def write_suite(folder: Path, seeds: int) -> dict[str, str]:
    """Write `folder/suite.toml` with `3 * seeds + 11` jobs, of two seeds or more; the verdict of each by its name."""
    (folder / "models").mkdir()
    for name in ("chain", "identity", "linear"):
        zoo.write(name, folder / "models")
    for name in ("abort", "exit", "raise", "daemon", "hog", "hang"):
        write_script(name, folder)
    ones = np.ones((2, 3), np.float32)
    trtkit.save_inputs([{"x": ones}], folder / "inputs.npz")
    trtkit.save_outputs([{"y": ones + 1}], folder / "other.npz")
    (folder / "waivers.toml").write_text(_WAIVER.format("2999-12-31"))
    (folder / "expired.toml").write_text(_WAIVER.format("2020-01-01"))
    (folder / "suite.toml").write_text(_SUITE.format(seeds=list(range(seeds))))
    plain = {f"{name}/{seed}": "PASS" for name in ("chain", "identity", "linear") for seed in range(seeds)}
    return plain | PLANTED
