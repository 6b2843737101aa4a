"""`trtkit run --trt` on a GPU, against ONNX Runtime."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo
from onnx import TensorProto

import trtkit

pytestmark = pytest.mark.gpu

Command = Callable[..., Any]

QUICK = ("--builder-optimization-level", "0")
"""The fastest tactics need not be found."""

CASES: dict[str, tuple[str, ...]] = {
    "chain": ("--input-shapes", "x:[2,3]"),
    "linear": ("--input-shapes", "x:[2,3]", "--iterations", "3"),
    "several": ("--input-shapes", "p:[2,4]", "q:[2,4]"),
    "branch": ("--input-shapes", "x:[2,3]", "--val-range", "flag:[1,1]"),
    "default_input": ("--input-shapes", "x:[2,3]"),
    "identity": ("--input-shapes", "x:[2,3]"),
    "unicode_names": ("--input-shapes", "eingäbe/日本:0:[2,3]"),
}


@pytest.mark.parametrize("name", CASES)
def test_same_as_onnx_runtime(trtkit_command: Command, in_tmp: Path, name: str) -> None:
    model = zoo.write(name, in_tmp)
    result = trtkit_command("run", model, "--trt", "--onnxrt", *QUICK, *CASES[name], "--warm-up", "1")
    assert result.code == 0, result.out + result.err
    assert "PASS" in result.out


@pytest.mark.parametrize("dtype", [TensorProto.INT64, TensorProto.DOUBLE], ids=["int64", "float64"])
def test_64_bit_inputs_serve_both(trtkit_command: Command, in_tmp: Path, dtype: int) -> None:
    model = zoo.save(zoo.cast_from(dtype), in_tmp / "m.onnx")
    result = trtkit_command("run", model, "--trt", "--onnxrt", *QUICK, "--input-shapes", "x:[2,3]")
    assert result.code == 0, result.out + result.err


def test_saved_engine_runs_alone(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    shapes = ("--input-shapes", "x:[2,3]")
    saved = ("--save-engine", "e.engine", "--save-outputs", "o.json")
    first = trtkit_command("run", model, "--trt", *QUICK, *shapes, *saved)
    assert first.code == 0, first.err
    again = trtkit_command("run", "e.engine", "--trt", *shapes, "--load-outputs", "o.json", "--atol", "0")
    assert again.code == 0, again.out + again.err


def test_shape_outside_the_profile(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    profile = ("--trt-min-shapes", "x:[1,3]", "--trt-opt-shapes", "x:[2,3]", "--trt-max-shapes", "x:[4,3]")
    line = ("run", model, "--trt", *QUICK, "--input-shapes", "x:[2,3]", *profile, "--save-engine", "e.engine")
    assert trtkit_command(*line).code == 0
    assert trtkit_command("run", "e.engine", "--trt", "--input-shapes", "x:[4,3]").code == 0
    result = trtkit_command("run", "e.engine", "--trt", "--input-shapes", "x:[9,3]")
    assert (result.code, result.out) == (3, "")
    assert "profile 0 of the engine takes x from [1,3] to [4,3], not [9,3]" in result.error
    result = trtkit_command("run", "e.engine", "--trt", "--input-shapes", "x:[4,3]", "--optimization-profile", "1")
    assert (result.code, result.out) == (3, "")
    assert "--optimization-profile 1: the engine has no such profile, it has 0 only" in result.error


def test_not_an_engine(trtkit_command: Command, in_tmp: Path) -> None:
    Path("bad.engine").write_bytes(b"no engine" * 1000)
    result = trtkit_command("run", "bad.engine", "--trt")
    assert (result.code, result.out) == (3, "")
    assert "'bad.engine'" in result.error
    assert "not an engine" in result.error


def test_empty_and_scalar_tensors(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("scalar", in_tmp)
    for size in (2, 1):
        result = trtkit_command("run", model, "--trt", "--onnxrt", *QUICK, "--input-shapes", f"x:[{size},3]", "s:[]")
        assert result.code == 0, result.out + result.err


@pytest.mark.parametrize("more", [(), ("--cuda-graph",), ("--cuda-package", "pycuda")], ids=" ".join)
def test_latency(trtkit_command: Command, in_tmp: Path, more: tuple[str, ...]) -> None:
    if "pycuda" in more:
        pytest.importorskip("pycuda", reason="pycuda is not installed")
    model = zoo.write("linear", in_tmp)
    line = ("run", model, "--trt", *QUICK, "--input-shapes", "x:[2,3]", "--warm-up", "2", "--duration", "0.2", *more)
    result = trtkit_command(*line, "--profile-layers", "3", "--save-accuracy-results", "r.json")
    assert result.code == 0, result.err
    words = result.out.split()
    assert {"host", "GPU", "median", "p99", "layer"} <= set(words), result.out
    (data,) = json.loads(Path("r.json").read_text())["runners"]
    host, there = data["latency"], data["gpu_latency"]
    assert data["measured"] == "duration"
    assert host["count"] == there["count"] > 10
    assert 0 < there["min"] <= there["median"] < host["median"]
    assert host["throughput"] == pytest.approx(1 / host["mean"])
    assert data["gpu"]["name"].startswith("NVIDIA")
    assert sum(layer["share"] for layer in data["layers"]) == pytest.approx(1)


def test_a_hundred_iterations_in_a_process_of_its_own(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    line = ("run", model, "--trt", "--onnxrt", *QUICK, "--input-shapes", "x:[2,3]", "--iterations", "100")
    result = trtkit_command(*line, "--sequential-runners", "--use-subprocess")
    assert result.code == 0, result.out + result.err
    assert "trt     100 iterations  GPU" in result.out


def test_the_api_gives_what_the_engine_gives(in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    x = np.ones((2, 3), np.float32)
    plan = trtkit.RunPlan(model, runners=["trt", "onnxrt"])
    assert trtkit.run(plan, feeds={"x": x}).passed
