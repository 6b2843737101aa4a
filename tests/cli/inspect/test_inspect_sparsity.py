"""`trtkit inspect sparsity`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from onnx import helper, numpy_helper

Command = Callable[..., Any]

DOCS = Path(__file__).parents[3] / "docs" / "inspect" / "sparsity.md"


def weights() -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    conv, gemm = rng.uniform(1, 2, (4, 8, 3, 3)), rng.uniform(1, 2, (10, 6))
    conv[:, [0, 1, 4, 6]] = 0
    gemm[:, ::3] = 0
    gemm[[0, 1, 4, 5]] = 0
    gemm[8:] = 1
    gemm[2, 1] = 0
    return {
        "conv.w": conv.astype(np.float32),
        "gemm\nw": gemm.astype(np.float16),
        "dense": np.ones((8, 2), np.float32),
        "odd": np.ones(8, np.float32),
    }


def model(**changed: onnx.TensorProto) -> onnx.ModelProto:
    held = [changed.get(name, numpy_helper.from_array(array, name)) for name, array in weights().items()]
    nodes = [
        helper.make_node("Conv", ["x", "conv.w"], ["a"], name="c"),
        helper.make_node("Gemm", ["a", "gemm\nw"], ["b"], name="g"),
        helper.make_node("MatMul", ["b", "dense"], ["d"]),
        helper.make_node("Conv", ["d", "odd"], ["y"], name="o"),
    ]
    return zoo.model(nodes, [zoo.X], [zoo.Y], held)


TEXT = """\
m.onnx: 4 weights of Conv, Gemm and MatMul
  sparse   conv.w  float32[4,8,3,3]  axis 1  100% of 72 groups fit  Conv c
  sparse   gemm\\nw  float16[10,6]  axis 0  100% of 18 groups fit  Gemm g
  dense    dense  float32[8,2]  axis 0  0% of 4 groups fit  MatMul
  unknown  odd  float32[8]  Conv o  (its type or rank is none that the operator takes)
2 of 4 weights follow the 2:4 pattern (93.55% of 372 values), 1 unknown
"""


def test_text(trtkit_command: Command, in_tmp: Path) -> None:
    zoo.save(model(), in_tmp / "m.onnx")
    result = trtkit_command("inspect", "sparsity", "m.onnx")
    assert (result.code, result.err, result.out) == (0, "", TEXT)


def test_data(trtkit_command: Command, in_tmp: Path) -> None:
    zoo.save(model(), in_tmp / "m.onnx")
    data = json.loads(trtkit_command("inspect", "sparsity", "m.onnx", "--json").out)
    assert list(data) == ["schema", "schema_version", "model", "weights", "summary"]
    assert (data["schema"], data["schema_version"], data["model"]) == ("trtkit.inspect-sparsity", 1, "m.onnx")
    assert data["summary"] == {"weights": 4, "sparse": 2, "unknown": 1, "values": 372, "sparse_values": 348}
    assert data["weights"][1] == {
        "name": "gemm\nw",
        "dtype": "float16",
        "shape": [10, 6],
        "size": 60,
        "nodes": ["Gemm g"],
        "axis": 0,
        "sparse": True,
        "groups": 18,
        "fitting": 18,
        "unknown": None,
    }
    text = DOCS.read_text()
    known = {*data, *data["weights"][0], *data["summary"]}
    assert {key for key in known if f"`{key}`" not in text} == set()


def test_weights_outside_of_the_model(trtkit_command: Command, in_tmp: Path) -> None:
    array = weights()["conv.w"]
    Path("data").mkdir()
    Path("data/w.bin").write_bytes(array.tobytes())
    tensor = zoo.external_tensor("conv.w", array, "w.bin")
    zoo.save(model(**{"conv.w": tensor}), in_tmp / "m.onnx")
    result = trtkit_command("inspect", "sparsity", "m.onnx", "--external-data-dir", "data")
    assert (result.code, result.out) == (0, TEXT)
    missing = trtkit_command("inspect", "sparsity", "m.onnx")
    assert missing.code == 3
    assert "the external data of tensor 'conv.w' is missing" in missing.error


def test_no_weights(trtkit_command: Command, in_tmp: Path) -> None:
    zoo.save(zoo.identity(), in_tmp / "m.onnx")
    out = "m.onnx: 0 weights of Conv, Gemm and MatMul\nno weights to look at\n"
    assert trtkit_command("inspect", "sparsity", "m.onnx").out == out


def test_a_broken_weight(trtkit_command: Command, in_tmp: Path) -> None:
    tensor = numpy_helper.from_array(weights()["conv.w"], "conv.w")
    tensor.raw_data = b"123"
    zoo.save(model(**{"conv.w": tensor}), in_tmp / "m.onnx")
    result = trtkit_command("inspect", "sparsity", "m.onnx")
    assert result.code == 3
    assert result.error.startswith("trtkit inspect sparsity: error: tensor 'conv.w' is broken: ")
    assert "  unknown  conv.w  float32[4,8,3,3]  Conv c  (tensor 'conv.w' is broken: " in result.out
    assert result.out.splitlines()[2:4] == TEXT.splitlines()[2:4]


MISTAKES: dict[str, tuple[list[str], int, str]] = {
    "no model": ([], 2, "no model was given; put its path first, as in: trtkit inspect sparsity model.onnx"),
    "an engine": (["m.engine"], 2, "inspect sparsity looks into ONNX models, but 'm.engine' is of type engine"),
    "no file": (["none.onnx"], 3, "there is no model file 'none.onnx'"),
    "without weights": (
        ["m.onnx", "--ignore-external-data"],
        2,
        "--ignore-external-data is left out of trtkit: the weights are what is looked at",
    ),
}


@pytest.mark.parametrize(("argv", "code", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(trtkit_command: Command, in_tmp: Path, argv: list[str], code: int, message: str) -> None:
    result = trtkit_command("inspect", "sparsity", *argv)
    assert result.code == code
    assert message in result.error
