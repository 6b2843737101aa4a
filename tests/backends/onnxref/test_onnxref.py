from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import zoo
from onnx import TensorProto as T

from trtkit.backends.base import RunnerContext
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnxref import Options, create
from trtkit.errors import BackendError

X = np.array([[1, -2, 3], [0.5, 0, -1]], np.float32)


def make(proto: onnx.ModelProto, folder: Path) -> Any:
    return create("me", open_onnx(zoo.save(proto, folder / "m.onnx")), Options(), RunnerContext())


def test_arithmetic_warns_nobody(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    proto = zoo.model([zoo.node("Div", ["x", "z"], ["y"])], [zoo.X, zoo.tensor("z", ["N", 3])], [zoo.Y])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with make(proto, tmp_path) as runner:
            answer = runner.infer({"x": X, "z": np.zeros_like(X)})["y"]
    assert (seen, capfd.readouterr()) == ([], ("", ""))
    np.testing.assert_array_equal(answer, [[np.inf, -np.inf, np.inf], [np.inf, np.nan, -np.inf]])


def test_failures_name_the_node(tmp_path: Path) -> None:
    proto = zoo.model(
        [zoo.node("Neg", ["x"], ["a"]), zoo.node("Reshape", ["a", "to"], ["y"], name="fold")],
        [zoo.X, zoo.tensor("to", [2], T.INT64)],
        [zoo.tensor("y", None)],
    )
    with make(proto, tmp_path) as runner, pytest.raises(BackendError, match=r"failed in node 'fold' \(Reshape\): "):
        runner.infer({"x": X, "to": np.array([4, 4])})


def test_a_loop_without_a_condition_runs(tmp_path: Path) -> None:
    """Also inside another subgraph: the evaluator alone would answer with the initial value."""
    body = zoo.loop().graph.node[0].attribute[0].g
    arm = onnx.helper.make_graph(
        [zoo.node("Loop", ["n", "", "x"], ["r"], body=body)], "arm", [], [zoo.tensor("r", ["N", 3])]
    )
    proto = zoo.model(
        [zoo.node("If", ["flag"], ["y"], then_branch=arm, else_branch=arm)],
        [zoo.tensor("flag", [], T.BOOL), zoo.tensor("n", [], T.INT64), zoo.X],
        [zoo.Y],
    )
    with make(proto, tmp_path) as runner:
        np.testing.assert_array_equal(runner.infer({"flag": np.array(True), "n": np.array(2), "x": X})["y"], X * 4)


def test_an_answer_of_another_precision_gets_the_type_of_the_model(tmp_path: Path) -> None:
    """A float64 feed goes through Relu as it is."""
    with make(zoo.model([zoo.node("Relu", ["x"], ["y"])], [zoo.X], [zoo.Y]), tmp_path) as runner:
        assert runner.infer({"x": X.astype(np.float64)})["y"].dtype == np.float32


def test_an_answer_of_another_kind_is_refused(tmp_path: Path) -> None:
    with (
        make(zoo.model([zoo.node("Identity", ["x"], ["y"])], [zoo.X], [zoo.Y]), tmp_path) as runner,
        pytest.raises(BackendError, match="returned int64 for output 'y', which the model says is float32"),
    ):
        runner.infer({"x": X.astype(np.int64)})


def test_an_output_without_a_type_that_is_no_tensor(tmp_path: Path) -> None:
    proto = zoo.sequence()
    proto.graph.output[0].ClearField("type")
    with make(proto, tmp_path) as runner, pytest.raises(BackendError, match="output 'y' is list"):
        runner.infer({"x": X})
