"""Where a graph is cut."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto, numpy_helper

from trtkit.backends.onnx.extract import Extractor
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.parts import Part, Split

Shapes = dict[str, tuple[int, ...]]

ROW = 12
"""Bytes of a tensor of zoo.chain, whose shape is [1, 3]."""


def split(proto: onnx.ModelProto, folder: Path, limit: int, copies: int = 1, shapes: Shapes | None = None) -> Split:
    options = OnnxOptions(outputs=("mark", "all"))
    return Split(open_onnx(zoo.save(proto, folder / "m.onnx"), options), shapes or {"x": (1, 3)}, limit, copies)


def line(length: int) -> onnx.ModelProto:
    """x -> t1 -> t2 ..., with another reader of t1 at the end."""
    nodes = [zoo.node("Relu", [f"t{at}" if at else "x"], [f"t{at + 1}"]) for at in range(length)]
    return zoo.model([*nodes, zoo.node("Add", [f"t{length}", "t1"], ["y"])], [zoo.X], [zoo.Y])


@pytest.mark.parametrize(
    ("rows", "copies", "marked"),
    [
        (100, 1, ["t1 t2 t3 t4 t5 y"]),
        (7, 1, ["t1 t2 t3 t4 t5 y"]),
        (6, 1, ["t1 t2 t3 t4 t5", "y"]),
        (5, 1, ["t1 t2 t3 t4", "t5 y"]),
        (9, 2, ["t1 t2 t3 t4", "t5 y"]),
        (4, 1, ["t1 t2 t3", "t4", "t5", "y"]),
        (1, 1, ["t1", "t2", "t3", "t4", "t5", "y"]),
    ],
)
def test_what_fits(rows: int, copies: int, marked: list[str], tmp_path: Path) -> None:
    cut = split(line(5), tmp_path, rows * ROW, copies)
    assert [" ".join(part.marked) for part in cut.parts] == marked
    assert cut.outputs == ("y", "t1", "t2", "t3", "t4", "t5")
    assert cut.guessed == cut.unmarked == ()
    if rows > 4:
        assert all(part.size <= rows * ROW for part in cut.parts)


def test_what_goes_across(tmp_path: Path) -> None:
    first, second = split(line(3), tmp_path, 4 * ROW).parts
    assert first == Part((0, 1, 2), ("t1", "t2", "t3"), (), ("t1", "t3"), 4 * ROW)
    assert second == Part((3,), ("y",), ("t3", "t1"), (), 4 * ROW)


def test_what_cannot_be_fed_is_not_cut(tmp_path: Path) -> None:
    nodes = [
        zoo.node("Relu", ["x"], ["a"]),
        zoo.node("SequenceConstruct", ["a", "x"], ["list"]),
        zoo.node("ConcatFromSequence", ["list"], ["b"], axis=0),
        zoo.node("Neg", ["b"], ["y"]),
    ]
    cut = split(zoo.model(nodes, [zoo.X], [zoo.Y]), tmp_path, 1)
    assert [part.nodes for part in cut.parts] == [(0,), (1, 2), (3,)]


def test_a_graph_inside_reads_from_outside(tmp_path: Path) -> None:
    proto = zoo.branch()
    nodes = [zoo.node("Identity", ["outside"], ["x"]), *proto.graph.node]
    inputs = [zoo.tensor("outside", ["N", 3]), proto.graph.input[0]]
    cut = split(zoo.model(nodes, inputs, [zoo.Y]), tmp_path, 1, shapes={"outside": (1, 3), "flag": ()})
    assert [(part.takes, part.gives) for part in cut.parts] == [((), ("x",)), (("x",), ())]


def test_constants_are_where_they_are_read(tmp_path: Path) -> None:
    nodes = [
        zoo.node("Transpose", ["w"], ["turned"]),
        zoo.node("RandomNormal", [], ["noise"], shape=[1, 3]),
        zoo.node("MatMul", ["x", "turned"], ["a"]),
        zoo.node("Add", ["a", "noise"], ["b"]),
        zoo.node("MatMul", ["b", "turned"], ["y"]),
    ]
    cut = split(zoo.model(nodes, [zoo.X], [zoo.Y], [numpy_helper.from_array(zoo.SQUARE, "w")]), tmp_path, 1)
    assert [part.nodes for part in cut.parts] == [(0,), (1,), (0, 2), (3,), (0, 4)]
    assert [part.takes for part in cut.parts] == [(), (), (), ("a", "noise"), ("b",)]
    last = cut.model(cut.parts[-1]).structure().graph
    assert [info.name for info in last.output] == ["y", "turned"]
    assert [tensor.name for tensor in last.initializer] == ["w"]


def test_a_weight_that_a_feed_may_replace_is_no_constant(tmp_path: Path) -> None:
    proto = zoo.default_input()
    proto.graph.node.insert(0, zoo.node("Neg", ["bias"], ["less"]))
    proto.graph.node[1].input[1] = "less"
    cut = split(proto, tmp_path, 1)
    assert [part.takes for part in cut.parts] == [(), ("less",)]
    assert [info.name for info in cut.model(cut.parts[0]).structure().graph.input] == ["bias"]


def test_sizes_follow_the_inputs(tmp_path: Path) -> None:
    (part,) = split(zoo.several(), tmp_path, 1 << 20, shapes={"p": (4, 5), "q": (4, 5)}).parts
    assert part.size == 4 * 80 + 16


def test_unknown_sizes_are_guessed(tmp_path: Path) -> None:
    cut = split(zoo.data_dependent(), tmp_path, 1 << 20, shapes={"x": (4, 3), "counts": (5,)})
    assert cut.guessed == ("where", "places", "ramp", "short")


def test_what_no_output_needs_is_left_out(tmp_path: Path) -> None:
    path = zoo.save(zoo.chain(), tmp_path / "m.onnx")
    cut = Split(open_onnx(path, OnnxOptions(outputs=("a", "b"))), {"x": (1, 3)}, 1)
    assert [part.nodes for part in cut.parts] == [(0,), (1,)]


def test_external_weights_stay_where_they_are(tmp_path: Path) -> None:
    model = open_onnx(zoo.write_external(tmp_path), OnnxOptions(outputs=("mark", "all")))
    cut = Split(model, {"x": (1, 3)}, 1)
    part = cut.model(cut.parts[0])
    assert part.data_dir == model.data_dir
    assert part.structure().graph.initializer[0].data_location == TensorProto.EXTERNAL


def test_long_vectors_do_not_slow_inference(tmp_path: Path) -> None:
    size = 8_000_000
    nodes = [zoo.node("Add", ["x" if not at else f"t{at}"] * 2, [f"t{at + 1}"]) for at in range(8)]
    nodes.append(zoo.node("Unknown", ["t8"], ["y"], domain="other"))
    proto = zoo.model(nodes, [zoo.tensor("x", [size])], [zoo.tensor("t8", [size])], domains=["other"])
    start = time.process_time()
    assert Extractor(open_onnx(zoo.save(proto, tmp_path / "m.onnx"))).spec("t4").shape == (size,)
    assert time.process_time() - start < 2  # 20 s where each value is followed


def test_parts_run_to_what_the_whole_gives(tmp_path: Path) -> None:
    from onnx.reference import ReferenceEvaluator

    proto = line(4)
    x = np.random.default_rng(5).standard_normal((1, 3)).astype(np.float32)
    values = {"x": x}
    cut = split(proto, tmp_path, 1)
    for part in cut.parts:
        whole = cut.model(part).proto()
        feed = {info.name: values[info.name] for info in whole.graph.input}
        names = [info.name for info in whole.graph.output]
        answers: Any = ReferenceEvaluator(whole).run(names, feed)
        values.update(zip(names, answers, strict=True))
    np.testing.assert_array_equal(values["y"], 2 * np.maximum(x, 0))
