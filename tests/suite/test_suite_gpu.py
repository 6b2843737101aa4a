"""Suites on a GPU: builds take turns, whichever process they are in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zoo

from trtkit.backends.trt.build_turns import alone_on
from trtkit.cuda.device import current_device

pytestmark = pytest.mark.gpu

SUITE = """
[[jobs]]
name = "build-{{seed}}"
model = "linear.onnx"
runners = ["trt"{reference}]
input-shapes = "x:[2,3]"
builder-optimization-level = 0
gpus = 0
time-limit = "{limit}"
matrix.seed = {seeds}
"""


def suite(folder: Path, *more: str) -> dict[str, Any]:
    line = [sys.executable, "-m", "trtkit", "suite", "suite.toml", "--report", "r.json", *more]
    subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads((folder / "r.json").read_text())
    return report


def test_three_builds_at_once(tmp_path: Path) -> None:
    zoo.write("linear", tmp_path)
    (tmp_path / "suite.toml").write_text(SUITE.format(reference=', "onnxrt"', limit="2m", seeds=[1, 2, 3]))
    report = suite(tmp_path, "-j", "3")
    assert [job["verdict"] for job in report["jobs"]] == ["PASS"] * 3, report["jobs"]
    assert Path(f"/tmp/trtkit-build-{current_device().uuid}.lock").exists()
    resumed = suite(tmp_path, "--resume")
    assert all(job["resumed"] for job in resumed["jobs"])


def test_a_build_waits_for_its_turn(tmp_path: Path) -> None:
    zoo.write("linear", tmp_path)
    (tmp_path / "suite.toml").write_text(SUITE.format(reference="", limit="20s", seeds=[1]))
    with alone_on(current_device().uuid):
        waited = suite(tmp_path)
    assert [job["verdict"] for job in waited["jobs"]] == ["TIMEOUT"]
    assert [job["verdict"] for job in suite(tmp_path)["jobs"]] == ["RAN"]


def test_a_gpu_that_is_lent(tmp_path: Path) -> None:
    zoo.write("linear", tmp_path)
    text = SUITE.format(reference=', "onnxrt"', limit="2m", seeds=[1, 2]).replace("gpus = 0", "gpus = 1")
    (tmp_path / "suite.toml").write_text(text)
    assert [job["verdict"] for job in suite(tmp_path, "-j", "2")["jobs"]] == ["PASS"] * 2
