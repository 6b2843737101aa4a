"""`trtkit inspect diff` of engines that are built here, on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo
from onnx import numpy_helper

from trtkit.backends.trt.api import has

pytestmark = pytest.mark.gpu

Command = Callable[..., Any]


@pytest.fixture
def build(trtkit_command: Command, in_tmp: Path) -> Callable[..., None]:
    """Builds an engine of x -> Conv -> Softmax -> y."""

    def call(name: str, *options: str, channels: int = 8) -> None:
        nodes = [
            zoo.node("Conv", ["x", "k"], ["c"], name="conv"),
            zoo.node("Softmax", ["c"], ["y"], name="my_softmax", axis=1),
        ]
        kernel = numpy_helper.from_array(np.ones((channels, 4, 3, 3), np.float32), "k")
        shapes = [zoo.tensor("x", [1, 4, 6, 6])], [zoo.tensor("y", [1, channels, 4, 4])]
        zoo.save(zoo.model(nodes, *shapes, [kernel]), in_tmp / "m.onnx")
        result = trtkit_command("convert", "m.onnx", "-o", name, "--tactic-sources", *options)
        assert result.code == 0, result.err

    return call


def test_an_engine_equals_its_copy(trtkit_command: Command, build: Callable[..., None]) -> None:
    build("a.engine")
    Path("b.engine").write_bytes(Path("a.engine").read_bytes())
    result = trtkit_command("inspect", "diff", "a.engine", "b.engine", "--html", "d.html")
    assert result.code == 0, result.out + result.err
    assert result.out.splitlines()[-1].startswith("equal: ")
    assert "weights not compared by value: engines tell" in result.out
    assert Path("d.html").stat().st_size


def test_another_shape(trtkit_command: Command, build: Callable[..., None]) -> None:
    build("a.engine")
    build("b.engine", channels=16)
    result = trtkit_command("inspect", "diff", "a.engine", "b.engine")
    assert result.code == 1, result.err
    lines = result.out.splitlines()
    assert "~ output  y:[1,8,4,4]:float32 -> y:[1,16,4,4]:float32" in lines
    assert any(line.startswith("~ layer  ") and "conv" in line for line in lines)


def test_another_precision(trtkit_command: Command, build: Callable[..., None]) -> None:
    if not has("BuilderFlag.FP16"):
        pytest.skip("all networks of this release are strongly typed")
    build("a.engine")
    build("b.engine", "--fp16", "--precision-constraints", "obey", "--layer-precisions", "conv:float16")
    result = trtkit_command("inspect", "diff", "a.engine", "b.engine")
    assert result.code == 1, result.err
    assert any("conv" in line and "float32" in line and "float16" in line for line in result.out.splitlines())


def test_an_engine_and_a_model(trtkit_command: Command, build: Callable[..., None]) -> None:
    build("a.engine")
    result = trtkit_command("inspect", "diff", "a.engine", "m.onnx")
    assert (result.code, result.out) == (2, "")
