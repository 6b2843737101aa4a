"""TensorRT engines executed on a GPU, against ONNX Runtime."""

from __future__ import annotations

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
    result = trtkit_command("run", model, "--trt", "--onnxrt", *CASES[name], "--warm-up", "1")
    assert result.code == 0, result.out + result.err
    assert "PASS" in result.out


def test_output_whose_size_depends_on_the_data(trtkit_command: Command, in_tmp: Path) -> None:
    found = zoo.tensor("y", [2, "M"], TensorProto.INT64)
    model = zoo.save(zoo.model([zoo.node("NonZero", ["x"], ["y"])], [zoo.X], [found]), in_tmp / "m.onnx")
    x = np.array([[1, 0, 2], [0, 0, 3]], np.float32)
    with trtkit.open_runner("onnxrt", model) as reference:
        expected = reference.infer({"x": x})["y"]
    trtkit.save_inputs([{"x": x}, {"x": x * 0}], "i.json")
    assert trtkit_command("run", model, "--trt", "--load-inputs", "i.json", "--save-outputs", "o.npz").code == 0
    outputs = [each["y"] for each in trtkit.load_outputs("o.npz").runs[0].iterations]
    assert outputs[0].tolist() == expected.tolist()
    assert outputs[1].shape == (2, 0)


def test_saved_engine_runs_alone(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    shapes = ("--input-shapes", "x:[2,3]")
    first = trtkit_command("run", model, "--trt", *shapes, "--save-engine", "e.engine", "--save-outputs", "o.json")
    assert first.code == 0, first.err
    again = trtkit_command("run", "e.engine", "--trt", *shapes, "--load-outputs", "o.json", "--atol", "0")
    assert again.code == 0, again.out + again.err


def test_shape_outside_the_profile(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("linear", in_tmp)
    profile = ("--trt-min-shapes", "x:[1,3]", "--trt-opt-shapes", "x:[2,3]", "--trt-max-shapes", "x:[4,3]")
    line = ("run", model, "--trt", "--input-shapes", "x:[2,3]", *profile, "--save-engine", "e.engine")
    assert trtkit_command(*line).code == 0
    assert trtkit_command("run", "e.engine", "--trt", "--input-shapes", "x:[4,3]").code == 0
    result = trtkit_command("run", "e.engine", "--trt", "--input-shapes", "x:[9,3]")
    assert (result.code, result.out) == (3, "")
    assert "the engine's profile does not take x:[9,3]" in result.error


def test_not_an_engine(trtkit_command: Command, in_tmp: Path) -> None:
    Path("bad.engine").write_bytes(b"no engine" * 1000)
    result = trtkit_command("run", "bad.engine", "--trt")
    assert (result.code, result.out) == (3, "")
    assert "cannot load the engine of 'bad.engine'" in result.error


def test_empty_and_scalar_tensors(trtkit_command: Command, in_tmp: Path) -> None:
    model = zoo.write("scalar", in_tmp)
    for size in (2, 1):
        result = trtkit_command("run", model, "--trt", "--onnxrt", "--input-shapes", f"x:[{size},3]", "s:[]")
        assert result.code == 0, result.out + result.err


def test_a_hundred_iterations_keep_their_memory(in_tmp: Path) -> None:
    """Memory on the GPU is allocated once for a shape, so its amount stays the same."""
    runtime = pytest.importorskip("cuda.bindings.runtime", reason="cuda-python is not installed")
    model = zoo.write("linear", in_tmp)
    x = np.ones((2, 3), np.float32)
    plan = trtkit.RunPlan(model, runners=["trt"], inputs=trtkit.InputOptions(input_shapes={"x": (2, 3)}))
    from trtkit.prepare import make_runners, open_model

    with make_runners(plan, open_model(plan))[0] as runner:
        runner.infer({"x": x})
        before = runtime.cudaMemGetInfo()[1]
        for _ in range(100):
            runner.infer({"x": x})
        assert runtime.cudaMemGetInfo()[1] == before
