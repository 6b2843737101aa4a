"""The 2:4 pattern: which tensors are weights, along which axis, and how many groups fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
import zoo
from onnx import helper, numpy_helper

from trtkit.backends.onnx.sparsity import Share, candidates, share

W = np.zeros((4, 8), np.float32)


def brute(array: np.ndarray[Any, Any], axis: int) -> tuple[int, int]:
    """Groups and fitting ones, counted the slow way."""
    rows = np.moveaxis(array.astype(np.float64), axis, -1).reshape(-1, array.shape[axis])
    groups = [row[at : at + 4] for row in rows for at in range(0, len(row), 4)]
    return len(groups), sum(int(np.count_nonzero(group) <= 2) for group in groups)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "bfloat16", "float8_e4m3fn", "int4", "bool"])
@pytest.mark.parametrize("shape", [(6, 8), (5, 7), (3,), (4, 9, 3, 2), (1, 13, 1)], ids=str)
def test_counting(dtype: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    kind = getattr(ml_dtypes, dtype, None) or dtype
    array = (rng.integers(-3, 4, shape) * rng.integers(0, 2, shape)).astype(kind)
    for axis in range(len(shape)):
        assert share(array, axis) == Share(*brute(array, axis))


@pytest.mark.parametrize("shape", [(3, 1 << 20), (1 << 20, 3), (2, 700_000, 2)], ids=str)
def test_many_pieces(shape: tuple[int, ...]) -> None:
    array = np.ones(shape, np.int8)
    array[..., ::2] = 0
    for axis in range(len(shape)):
        length = shape[axis]
        found = share(array, axis)
        assert found.groups == array.size // length * -(-length // 4)
        kept = np.moveaxis(array, axis, -1)
        padded = np.concatenate([kept, np.zeros((*kept.shape[:-1], -length % 4), np.int8)], axis=-1)
        assert found.fitting == int((padded.reshape(*kept.shape[:-1], -1, 4).sum(axis=-1) <= 2).sum())


def test_nothing_is_not_sparse() -> None:
    assert share(np.zeros((0, 4)), 1) == Share(0, 0)
    assert not share(np.zeros((0, 4)), 1).sparse
    assert share(np.zeros((1, 4)), 1).sparse


def node(op: str, *inputs: str, **more: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), ["y"], name="n", **more)


def held(name: str, array: np.ndarray[Any, Any]) -> onnx.TensorProto:
    return numpy_helper.from_array(array, name)


ZERO, ONE = held("zero", np.zeros(4, np.int8)), held("one", np.eye(4, dtype=np.int8)[2])
SCALE, QUANTISED = held("s", np.ones(4, np.float32)), held("w", W.astype(np.int8))
FLOAT = held("w", W)


def through(op: str, *inputs: str, **more: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), ["t"], name="before", **more)


PLACES: dict[str, tuple[list[onnx.NodeProto], list[onnx.TensorProto], list[tuple[str, int | None, bool]]]] = {
    "conv": ([node("Conv", "x", "w")], [held("w", np.zeros((4, 8, 3, 3)))], [("w", 1, False)]),
    "matmul B": ([node("MatMul", "x", "w")], [FLOAT], [("w", 0, False)]),
    "matmul A": ([node("MatMul", "w", "x")], [FLOAT], [("w", 1, False)]),
    "batched": ([node("MatMul", "x", "w")], [held("w", np.zeros((2, 3, 4, 5)))], [("w", 2, False)]),
    "a vector": ([node("MatMul", "x", "w")], [held("w", np.zeros(8))], [("w", 0, False)]),
    "gemm B": ([node("Gemm", "x", "w")], [FLOAT], [("w", 0, False)]),
    "gemm B transposed": ([node("Gemm", "x", "w", transB=1)], [FLOAT], [("w", 1, False)]),
    "gemm A": ([node("Gemm", "w", "x")], [FLOAT], [("w", 1, False)]),
    "gemm A transposed": ([node("Gemm", "w", "x", transA=1)], [FLOAT], [("w", 0, False)]),
    "the bias is none": ([node("Gemm", "x", "x", "w")], [FLOAT], []),
    "other operators": ([node("Add", "x", "w")], [FLOAT], []),
    "another domain": ([node("MatMul", "x", "w", domain="mine")], [FLOAT], []),
    "computed": ([through("Relu", "w"), node("MatMul", "x", "t")], [FLOAT], []),
    "two constants": ([node("MatMul", "v", "w")], [FLOAT, held("v", W.T)], [("v", 1, False), ("w", 0, False)]),
    "a rank that does not fit": ([node("Conv", "x", "w")], [held("w", np.zeros(3))], [("w", None, False)]),
    "text": ([node("MatMul", "x", "w")], [held("w", np.array([["a"]], object))], [("w", None, False)]),
    "transposed": ([through("Transpose", "w"), node("MatMul", "x", "t")], [FLOAT], [("w", 1, False)]),
    "permuted": (
        [through("Transpose", "w", perm=[1, 2, 0]), node("MatMul", "x", "t")],
        [held("w", np.zeros((5, 4, 3)))],
        [("w", 2, False)],
    ),
    "cast": ([through("Cast", "w", to=1), node("MatMul", "x", "t")], [held("w", W.astype("f2"))], [("w", 0, False)]),
    "quantised": (
        [through("DequantizeLinear", "w", "s"), node("MatMul", "x", "t")],
        [QUANTISED, SCALE],
        [("w", 0, False)],
    ),
    "a zero point of 0": (
        [through("DequantizeLinear", "w", "s", "zero"), node("MatMul", "x", "t")],
        [QUANTISED, SCALE, ZERO],
        [("w", 0, False)],
    ),
    "another zero point": (
        [through("DequantizeLinear", "w", "s", "one"), node("MatMul", "x", "t")],
        [QUANTISED, SCALE, ONE],
        [("w", 0, True)],
    ),
    "a zero point that is computed": (
        [through("DequantizeLinear", "w", "s", "x"), node("MatMul", "x", "t")],
        [QUANTISED, SCALE],
        [("w", 0, True)],
    ),
    "Constant": (
        [helper.make_node("Constant", [], ["c"], value=FLOAT), node("MatMul", "x", "c")],
        [],
        [("w", 0, False)],
    ),
    "a circle": ([through("Identity", "t"), node("MatMul", "x", "t")], [], []),
}


@pytest.mark.parametrize(("nodes", "weights", "found"), PLACES.values(), ids=PLACES)
def test_what_is_a_weight(
    nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], found: list[tuple[str, int | None, bool]]
) -> None:
    model = zoo.model(nodes, [zoo.X], [zoo.Y], weights)
    assert [(c.weight.spec.name, c.axis, c.asymmetric) for c in candidates(model, Path())] == found


def test_one_weight_of_several_nodes() -> None:
    nodes = [node("MatMul", "x", "w"), node("MatMul", "x", "w"), node("Gemm", "x", "w", transB=1)]
    found = candidates(zoo.model(nodes, [zoo.X], [zoo.Y], [FLOAT]), Path())
    assert [(each.axis, each.nodes) for each in found] == [(0, ["MatMul n", "MatMul n"]), (1, ["Gemm n"])]


def test_subgraphs_and_functions() -> None:
    outer = zoo.model([node("MatMul", "x", "w")], [zoo.X], [zoo.Y], [FLOAT]).graph
    body = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["a"], name="outer's"), node("MatMul", "a", "v")],
        "body",
        [],
        [zoo.Y],
        [held("v", W)],
    )
    branches = node("If", "c", then_branch=body, else_branch=outer)
    function = helper.make_function(
        "mine",
        "F",
        ["x"],
        ["y"],
        [node("Constant", value=FLOAT), node("Gemm", "x", "y")],
        [helper.make_opsetid("", 17)],
    )
    proto = zoo.model([branches], [zoo.X], [zoo.Y], [held("w", W)], domains=["mine"], functions=[function])
    found = [(each.weight.spec.name, each.nodes) for each in candidates(proto, Path())]
    assert found == [("w", ["MatMul n"]), ("w", ["MatMul outer's"]), ("v", ["MatMul n"]), ("w", ["Gemm n"])]
