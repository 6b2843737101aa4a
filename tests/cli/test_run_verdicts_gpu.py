"""Tolerances, baselines and reports where TensorRT runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zoo

pytestmark = pytest.mark.gpu

Command = Callable[..., Any]

TRT = ("--trt", "--builder-optimization-level", "0", "--input-shapes", "x:[2,3]")


def test_the_noise_floor_of_tensorrt(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    measured = trtkit_command("run", model, *TRT, "--calibrate-tolerance", "3")
    assert measured.code == 0, measured.error
    text = Path("tolerances.toml").read_text()
    assert '[outputs."y"]' in text
    assert "trt" in text
    judged = trtkit_command("run", model, "--onnxrt", *TRT, "--tolerances", "tolerances.toml", "--report", "r.json")
    assert judged.code in (0, 1), judged.error
    thresholds = json.loads(Path("r.json").read_text())["pairs"][0]["outputs"][0]["metrics"][0]["worst"]["thresholds"]
    assert thresholds["atol"] < 1e-3


def test_a_baseline_of_tensorrt(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    saved = trtkit_command("run", model, *TRT, "--iterations", "2", "--save-engine", "e.engine", "--save-baseline", "D")
    assert saved.code == 0, saved.error
    for runner in (TRT, ("--onnxrt",)):
        result = trtkit_command("run", model, *runner, "--baseline", "D")
        assert result.code == 0, result.out + result.error
    other = trtkit_command("run", "e.engine", "--trt", "--baseline", "D")
    assert other.code == 3
    assert "is of type engine" in other.error
    vouched = trtkit_command("run", "e.engine", "--trt", "--baseline", "D", "--baseline-of", model, "--atol", "0")
    assert vouched.code == 0, vouched.out + vouched.error


def test_a_report_names_the_gpu(trtkit_command: Command, in_tmp: Path) -> None:
    pytest.importorskip("pynvml")
    model = zoo.write("linear", in_tmp)
    result = trtkit_command("run", model, *TRT, "--onnxrt", "--report", "r.json", "r.xml", "r.md")
    assert result.code == 0, result.error
    environment = json.loads(Path("r.json").read_text())["environment"]
    uuid = environment["gpus"][0]["uuid"]
    assert uuid.startswith(("GPU-", "MIG-"))
    assert environment["gpus"][0]["name"] in Path("r.md").read_text()
