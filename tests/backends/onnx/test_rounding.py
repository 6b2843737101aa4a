"""The rounding twin, and why there is one."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # it has no types
import pytest
import zoo
from onnx import TensorProto, helper

from trtkit.backends.onnx.rounding import to_rounding_twin
from trtkit.backends.onnxrt.options import LEVELS

Array = np.ndarray[Any, Any]
X = np.array([300, 1.0007, 0.1, 255.9, 2049], np.float32)
HALVES: dict[int, Any] = {TensorProto.FLOAT16: np.float16, TensorProto.BFLOAT16: ml_dtypes.bfloat16}


def square_root_of_square(half: int) -> onnx.ModelProto:
    """A float32 model that computes sqrt(x * x) in 16 bits."""
    nodes = [
        zoo.node("Cast", ["x"], ["a"], to=half),
        zoo.node("Mul", ["a", "a"], ["b"]),
        zoo.node("Sqrt", ["b"], ["c"]),
        zoo.node("Cast", ["c"], ["y"], to=TensorProto.FLOAT),
    ]
    return zoo.model(nodes, [zoo.tensor("x", ["N"])], [zoo.tensor("y", ["N"])])


def rounded(values: Array, half: int) -> Array:
    with np.errstate(over="ignore"):
        return values.astype(HALVES[half]).astype(np.float32)


def expected(half: int) -> Array:
    x = rounded(X, half)
    return rounded(np.sqrt(rounded(x * x, half)), half)


def answer(model: onnx.ModelProto, level: str, **feed: Array) -> Array:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[level])
    options.log_severity_level = 4
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=providers)
    (result,) = session.run(None, feed)
    return np.asarray(result)


def twin(model: onnx.ModelProto) -> onnx.ModelProto:
    to_rounding_twin(model, Path(), onnx.shape_inference.infer_shapes(model))
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("half", HALVES, ids=["float16", "bfloat16"])
def test_every_result_is_rounded_at_every_level(half: int, level: str) -> None:
    result = answer(twin(square_root_of_square(half)), level, x=X)
    np.testing.assert_array_equal(result, expected(half))
    assert not np.array_equal(result, X)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have kernels for float16")
def test_onnx_runtime_itself_rounds_nothing() -> None:
    """Were this to fail, ONNX Runtime would round, and there might be no need for the twin any more."""
    np.testing.assert_allclose(answer(square_root_of_square(TensorProto.FLOAT16), "disable_all", x=X), X, rtol=1e-7)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have kernels for bfloat16")
def test_onnx_runtime_itself_has_no_bfloat16_here() -> None:
    with pytest.raises(Exception, match="NOT_IMPLEMENTED"):
        answer(square_root_of_square(TensorProto.BFLOAT16), "disable_all", x=X)


def branch(half: int) -> onnx.ModelProto:
    """What is in 16 bits is made inside of an If."""
    arms = {}
    for name, kind in (("then_branch", "Mul"), ("else_branch", "Add")):
        nodes = [
            zoo.node("Cast", ["x"], ["a"], to=half),
            zoo.node(kind, ["a", "a"], ["b"]),
            zoo.node("Cast", ["b"], [f"{name}_y"], to=TensorProto.FLOAT),
        ]
        arms[name] = helper.make_graph(nodes, name, [], [zoo.tensor(f"{name}_y", ["N"])])
    flag = zoo.tensor("flag", [], TensorProto.BOOL)
    return zoo.model(
        [zoo.node("If", ["flag"], ["y"], **arms)], [flag, zoo.tensor("x", ["N"])], [zoo.tensor("y", ["N"])]
    )


def unknown(half: int) -> onnx.ModelProto:
    """Behind an operator that ONNX does not know, types follow from what operators allow."""
    nodes = [
        zoo.node("Cast", ["x"], ["a"], to=half),
        zoo.node("Gelu", ["a"], ["g"], domain="com.microsoft"),
        zoo.node("Mul", ["g", "a"], ["b"]),
        zoo.node("Cast", ["b"], ["y"], to=TensorProto.FLOAT),
    ]
    return zoo.model(nodes, [zoo.tensor("x", ["N"])], [zoo.tensor("y", ["N"])], domains=["com.microsoft"])


@pytest.mark.parametrize(
    ("make", "feed"),
    [
        pytest.param(branch, {"flag": np.array(True)}, id="inner graphs"),
        pytest.param(unknown, {}, id="behind unknown operators"),
    ],
)
def test_overflow_shows(make: Callable[[int], onnx.ModelProto], feed: dict[str, Array]) -> None:
    model = make(TensorProto.FLOAT16)
    to_rounding_twin(model, Path(), onnx.shape_inference.infer_shapes(model))
    result = answer(model, "all", x=X, **feed)
    np.testing.assert_array_equal(np.isinf(result), X > 256)


def test_inputs_and_outputs_become_float32() -> None:
    half = TensorProto.FLOAT16
    nodes = [zoo.node("Mul", ["x", "x"], ["y"])]
    model = twin(zoo.model(nodes, [zoo.tensor("x", ["N"], half)], [zoo.tensor("y", ["N"], half)]))
    x = rounded(X, half)
    np.testing.assert_array_equal(answer(model, "all", x=x), rounded(x * x, half))
