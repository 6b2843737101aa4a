"""Which tensors of an ONNX model have a size that depends on data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx.describe import describe
from trtkit.backends.onnx.open import open_onnx

INT64 = TensorProto.INT64
NUMBERS = zoo.tensor("numbers", ["K"], INT64)
FLAG = zoo.tensor("flag", [], TensorProto.BOOL)
LIMIT = zoo.node("ReduceMax", ["numbers"], ["limit"], keepdims=0)


def constant(name: str, value: object, kind: type = np.int64) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(value, kind), name)


WEIGHTS = [
    *(constant(name, value) for name, value in {"zero": 0, "one": 1, "ten": 10, "two": [2], "axis": [0]}.items()),
    constant("value", 0.5, np.float32),
]


def found(folder: Path, *nodes: onnx.NodeProto, functions: tuple[onnx.FunctionProto, ...] = ()) -> dict[str, str]:
    """Tensors whose size depends on data, with `bounded` or `unbounded`, and what they are sized by."""
    proto = zoo.model(
        nodes, [zoo.X, NUMBERS, FLAG], [], WEIGHTS, domains=["local"] if functions else [], functions=list(functions)
    )
    ask = describe(open_onnx(zoo.save(proto, folder / "m.onnx"))).data_dependent
    assert ask is not None
    words = {True: "bounded", False: "unbounded"}
    return {each.tensor.name: f"{words[each.bounded]} by {' '.join(each.sized_by)}" for each in ask()}


def branch(name: str, *nodes: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), name, [], [zoo.tensor(nodes[-1].output[0], None, INT64)])


RAMP = zoo.node("Range", ["zero", "limit", "one"], ["ramp"])

CASES: dict[str, tuple[list[onnx.NodeProto], dict[str, str]]] = {
    "computed range": ([LIMIT, RAMP], {"ramp": "unbounded by limit"}),
    "constant range": ([zoo.node("Range", ["zero", "ten", "one"], ["y"])], {}),
    "range over a shape": (
        [
            zoo.node("Shape", ["x"], ["s"]),
            zoo.node("Gather", ["s", "zero"], ["n"]),
            zoo.node("Range", ["zero", "n", "one"], ["y"]),
        ],
        {},
    ),
    "minimum": (
        [LIMIT, zoo.node("Min", ["limit", "ten"], ["m"]), zoo.node("Range", ["zero", "m", "one"], ["y"])],
        {"y": "bounded by m"},
    ),
    "clip": (
        [LIMIT, zoo.node("Clip", ["limit", "", "ten"], ["m"]), zoo.node("Range", ["zero", "m", "one"], ["y"])],
        {"y": "bounded by m"},
    ),
    "clip from below": (
        [LIMIT, zoo.node("Clip", ["limit", "ten"], ["m"]), zoo.node("Range", ["zero", "m", "one"], ["y"])],
        {"y": "unbounded by m"},
    ),
    "indices": ([zoo.node("NonZero", ["x"], ["y"])], {"y": "bounded by x"}),
    "indices of constants": ([zoo.node("NonZero", ["two"], ["y"])], {}),
    "unique": (
        [zoo.node("Unique", ["numbers"], ["u"]), zoo.node("Neg", ["u"], ["y"])],
        {"u": "bounded by numbers", "y": "bounded by u"},
    ),
    "back to a fixed size": (
        [zoo.node("NonZero", ["x"], ["n"]), zoo.node("ReduceSum", ["n"], ["y"])],
        {"n": "bounded by x"},
    ),
    "as many as were found": (
        [
            zoo.node("NonZero", ["x"], ["n"]),
            zoo.node("Shape", ["n"], ["s"]),
            zoo.node("ConstantOfShape", ["s"], ["y"]),
        ],
        {"n": "bounded by x", "y": "bounded by s"},
    ),
    "expand": ([zoo.node("Expand", ["value", "numbers"], ["y"])], {"y": "unbounded by numbers"}),
    "tile": ([zoo.node("Tile", ["two", "numbers"], ["y"])], {"y": "unbounded by numbers"}),
    "pad": ([zoo.node("Pad", ["x", "numbers"], ["y"])], {"y": "unbounded by numbers"}),
    "reshape": ([zoo.node("Reshape", ["x", "numbers"], ["y"])], {"y": "bounded by numbers"}),
    "slice": ([zoo.node("Slice", ["x", "axis", "numbers"], ["y"])], {"y": "bounded by numbers"}),
    "either branch": (
        [
            LIMIT,
            zoo.node(
                "If",
                ["flag"],
                ["y"],
                then_branch=branch("then", RAMP),
                else_branch=branch("else", zoo.node("Identity", ["two"], ["same"])),
            ),
        ],
        {"y": "unbounded by flag"},
    ),
    "no branch": (
        [
            zoo.node(
                "If",
                ["flag"],
                ["y"],
                then_branch=branch("then", zoo.node("Identity", ["two"], ["one_more"])),
                else_branch=branch("else", zoo.node("Neg", ["two"], ["same"])),
            )
        ],
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str, tmp_path: Path) -> None:
    nodes, expected = CASES[name]
    assert found(tmp_path, *nodes) == expected


@pytest.mark.parametrize(("trips", "word"), [("limit", "unbounded"), ("ten", None), ("", "unbounded")])
def test_what_a_loop_collects(trips: str, word: str | None, tmp_path: Path) -> None:
    body = helper.make_graph(
        [zoo.node("Identity", ["go"], ["go_on"]), zoo.node("Identity", ["v"], ["w"]), zoo.node("Neg", ["v"], ["each"])],
        "body",
        [zoo.tensor("i", [], INT64), zoo.tensor("go", [], TensorProto.BOOL), zoo.tensor("v", ["N", 3])],
        [zoo.tensor("go_on", [], TensorProto.BOOL), zoo.tensor("w", ["N", 3]), zoo.tensor("each", ["N", 3])],
    )
    result = found(tmp_path, LIMIT, zoo.node("Loop", [trips, "flag", "x"], ["last", "all"], body=body))
    assert set(result) == ({"all"} if word else set())
    assert all(text.startswith(f"{word} ") for text in result.values())


def test_what_grows_in_a_loop(tmp_path: Path) -> None:
    body = helper.make_graph(
        [zoo.node("Identity", ["go"], ["go_on"]), zoo.node("NonZero", ["v"], ["w"])],
        "body",
        [zoo.tensor("i", [], INT64), zoo.tensor("go", [], TensorProto.BOOL), zoo.tensor("v", None, INT64)],
        [zoo.tensor("go_on", [], TensorProto.BOOL), zoo.tensor("w", None, INT64)],
    )
    result = found(tmp_path, zoo.node("Loop", ["ten", "flag", "numbers"], ["last"], body=body))
    assert set(result) == {"last"}


def test_local_functions(tmp_path: Path) -> None:
    opset = [helper.make_opsetid("", 17)]
    nodes = [zoo.node("Neg", ["a"], ["b"]), zoo.node("NonZero", ["b"], ["c"])]
    function = helper.make_function("local", "Find", ["a"], ["c"], nodes, opset)
    assert found(tmp_path, zoo.node("Find", ["x"], ["y"], domain="local"), functions=(function,)) == {
        "y": "bounded by x"
    }


def test_function_that_calls_itself_ends(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    nodes = [zoo.node("Again", ["a"], ["b"], domain="local")]
    function = helper.make_function("local", "Again", ["a"], ["b"], nodes, opsets)
    assert found(tmp_path, zoo.node("Again", ["x"], ["y"], domain="local"), functions=(function,)) == {}
