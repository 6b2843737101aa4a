from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import zoo

from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.errors import ModelError


def outputs(proto: onnx.ModelProto, folder: Path, **options: Any) -> list[str]:
    model = open_onnx(zoo.save(proto, folder / "m.onnx"), OnnxOptions(**options))
    return [info.name for info in onnx.load_from_string(model.graph_bytes()).graph.output]


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "one": ({"outputs": ("a",)}, ["a"]),
    "own ones first, then as the nodes come": ({"outputs": ("b", "a", "y")}, ["y", "a", "b"]),
    "glob": ({"outputs": ("[ab]",)}, ["a", "b"]),
    "star": ({"outputs": ("*",)}, ["y", "a", "b"]),
    "two words": ({"outputs": ("mark", "all")}, ["y", "a", "b"]),
    "two words as one": ({"outputs": ("mark all",)}, ["y", "a", "b"]),
    "by type": ({"outputs_by_type": ("neg",)}, ["b"]),
    "by type and name": ({"outputs_by_type": ("Neg",), "outputs": ("y",)}, ["y", "b"]),
    "all but": ({"outputs": ("mark", "all"), "exclude_outputs": ("a",)}, ["y", "b"]),
    "all but a glob": ({"outputs": ("mark", "all"), "exclude_outputs": ("[ya]",)}, ["b"]),
}


@pytest.mark.parametrize(("options", "expected"), CASES.values(), ids=CASES)
def test_outputs(tmp_path: Path, options: dict[str, Any], expected: list[str]) -> None:
    assert outputs(zoo.chain(), tmp_path, **options) == expected


MISTAKES: dict[str, tuple[Callable[[], onnx.ModelProto], dict[str, Any], str]] = {
    "near miss": (zoo.unicode_names, {"outputs": ("aüsgabe",)}, r"no tensor 'aüsgabe'; did you mean 'aüsgabe →'\?"),
    "no such tensor": (zoo.chain, {"outputs": ("zzz",)}, r"no tensor 'zzz' \(there are 'y', 'a', 'b'\)"),
    "case counts": (zoo.chain, {"outputs": ("A",)}, r"no tensor 'A'; did you mean 'a'\?"),
    "glob": (zoo.chain, {"outputs": ("c*",)}, r"no tensor of the model fits 'c\*'"),
    "input": (zoo.chain, {"outputs": ("x",)}, r"'x' is an input or a weight"),
    "weight": (zoo.linear, {"outputs": ("w",)}, r"'w' is an input or a weight"),
    "in a subgraph": (zoo.branch, {"outputs": ("then_branch_y",)}, r"'then_branch_y' is inside a subgraph"),
    "type": (zoo.chain, {"outputs_by_type": ("Rellu",)}, r"no node of type 'Rellu'; did you mean 'Relu'\?"),
    "excluded, but no output": (zoo.chain, {"exclude_outputs": ("a",)}, r"no output 'a' \(there are 'y'\)"),
    "all excluded": (zoo.chain, {"exclude_outputs": ("y",)}, r"leaves no output; the outputs are 'y'"),
}


@pytest.mark.parametrize(("build", "options", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(tmp_path: Path, build: Callable[[], onnx.ModelProto], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        outputs(build(), tmp_path, **options)


def test_a_name_that_looks_like_a_glob_is_a_name(tmp_path: Path) -> None:
    proto = zoo.model(
        [zoo.node("Relu", ["x"], ["t[0]"]), zoo.node("Neg", ["t[0]"], ["t0"])], [zoo.X], [zoo.tensor("t0", None)]
    )
    assert outputs(proto, tmp_path, outputs=("t[0]",)) == ["t[0]"]


def test_types_and_shapes_of_marked_tensors_are_inferred(tmp_path: Path) -> None:
    model = open_onnx(zoo.write("chain", tmp_path), OnnxOptions(outputs=("a",)))
    assert str(model.specs()[1]["a"]) == "a:[N,3]:float32"


def test_what_is_no_tensor_of_numbers_is_left_out_by_globs_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nodes = [zoo.node("SequenceConstruct", ["x"], ["list"]), zoo.node("SequenceAt", ["list", "i"], ["y"])]
    at = onnx.helper.make_tensor("i", onnx.TensorProto.INT64, [], [0])
    proto = zoo.model(nodes, [zoo.X], [zoo.Y], [at])
    with caplog.at_level(logging.WARNING, "trtkit"):
        assert outputs(proto, tmp_path, outputs=("mark", "all")) == ["y"]
    assert caplog.messages == ["not made outputs, since they are no tensors of numbers: list (sequence)"]
    assert outputs(proto, tmp_path, outputs=("list",)) == ["list"]


def test_optional_outputs_of_nodes_have_no_name(tmp_path: Path) -> None:
    proto = zoo.model([zoo.node("Dropout", ["x"], ["y", ""])], [zoo.X], [zoo.Y])
    assert outputs(proto, tmp_path, outputs=("mark", "all")) == ["y"]
