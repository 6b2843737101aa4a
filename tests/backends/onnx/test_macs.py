"""Multiply-accumulates of ONNX models, each against what the layer does."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from onnx import helper, numpy_helper

from trtkit.backends.onnx.totals import totals
from trtkit.backends.onnx.walk import graphs_of
from trtkit.description import Macs


def counted(proto: onnx.ModelProto) -> Macs:
    found = totals(proto, list(graphs_of(proto))).macs
    assert found is not None
    return found


def one(
    op: str, shapes: list[list[Any] | None], weights: list[list[int]], output: list[Any] | None, **more: Any
) -> Macs:
    inputs = [zoo.tensor(f"x{index}", shape) for index, shape in enumerate(shapes)]
    tensors = [numpy_helper.from_array(np.zeros(shape, np.float32), f"w{n}") for n, shape in enumerate(weights)]
    names = [*(each.name for each in inputs), *(each.name for each in tensors)]
    return counted(zoo.model([zoo.node(op, names, ["y"], **more)], inputs, [zoo.tensor("y", output)], tensors))


LAYERS: dict[str, tuple[Macs, int | None]] = {
    "convolution": (one("Conv", [[2, 3, 8, 8]], [[4, 3, 3, 3]], [2, 4, 6, 6]), 2 * 4 * 36 * 27),
    "grouped": (one("Conv", [[1, 4, 8]], [[8, 2, 3]], [1, 8, 6], group=2), 8 * 6 * 2 * 3),
    "unknown output": (one("Conv", [[2, 3, 8, 8]], [[4, 3, 3, 3]], None), None),
    "transposed": (one("ConvTranspose", [[1, 4, 5]], [[4, 6, 2]], [1, 6, 6]), 4 * 5 * 6 * 2),
    "matrix": (one("MatMul", [[5, 3]], [[3, 7]], None), 5 * 3 * 7),
    "batch": (one("MatMul", [[2, 1, 5, 3], [4, 3, 7]], [], [2, 4, 5, 7]), 2 * 4 * 5 * 7 * 3),
    "batch of unknown size": (one("MatMul", [[2, 1, 5, 3], [4, 3, 7]], [], None), None),
    "only the weight": (one("MatMul", [None], [[3, 7]], [5, 7]), 5 * 7 * 3),
    "vector": (one("MatMul", [[5, 3]], [[3]], None), 15),
    "gemm": (one("Gemm", [[5, 3]], [[3, 7], [7]], None), 5 * 3 * 7),
    "transposed gemm": (one("Gemm", [[3, 5]], [[7, 3]], None, transA=1, transB=1), 5 * 3 * 7),
    "lstm": (one("LSTM", [[6, 2, 3]], [[1, 16, 3], [1, 16, 4]], None, hidden_size=4), 6 * 2 * 16 * (3 + 4)),
    "open": (one("Conv", [[None, 3, 8, 8]], [[4, 3, 3, 3]], [None, 4, 6, 6]), None),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    found, expected = LAYERS[name]
    if expected is None:
        assert found == Macs({}, 0, 1)
    else:
        assert found == Macs({(): expected}, 1, 1)


def test_symbols_stay() -> None:
    assert one("MatMul", [["N", "T", 3]], [[3, 7]], None) == Macs({("N", "T"): 21}, 1, 1)
    assert one("MatMul", [["N", 3], [3, "N"]], [], None) == Macs({("N", "N"): 3}, 1, 1)


def test_weights_behind_other_layers() -> None:
    assert counted(zoo.quantized()) == Macs({("N",): 9}, 1, 1)
    value = numpy_helper.from_array(zoo.SQUARE)
    nodes = [zoo.node("Constant", [], ["w"], value=value), zoo.node("MatMul", ["x", "w"], ["y"])]
    assert counted(zoo.model(nodes, [zoo.X], [zoo.Y])) == Macs({("N",): 9}, 1, 1)


def test_what_may_run_any_number_of_times_is_not_counted() -> None:
    square = numpy_helper.from_array(zoo.SQUARE, "w")
    arm = helper.make_graph([zoo.node("MatMul", ["x", "w"], ["t"])], "arm", [], [zoo.Y])
    nodes = [
        zoo.node("If", ["flag"], ["z"], then_branch=arm, else_branch=arm),
        zoo.node("MatMul", ["x", "w"], ["y"]),
    ]
    flag = zoo.tensor("flag", [], onnx.TensorProto.BOOL)
    assert counted(zoo.model(nodes, [flag, zoo.X], [zoo.Y], [square])) == Macs({("N",): 9}, 1, 3)
