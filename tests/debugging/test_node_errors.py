from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import zoo
from onnx import numpy_helper

from trtkit.backends.onnx.model import LoadedModel
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnxrt import Options
from trtkit.debugging.node_errors import NodeError, in_order_of_suspicion, measure_nodes
from trtkit.results import Feed
from trtkit.tensors import TensorSpecs


@pytest.fixture
def squares(tmp_path: Path) -> LoadedModel:
    """x -> shift (+ 1000) -> centre (- 1000) -> square -> y."""
    nodes = [
        zoo.node("Add", ["x", "thousand"], ["shifted"], name="shift"),
        zoo.node("Sub", ["shifted", "thousand"], ["centred"], name="centre"),
        zoo.node("Mul", ["centred", "centred"], ["y"], name="square"),
    ]
    weight = numpy_helper.from_array(np.array(1000, np.float32), "thousand")
    return open_onnx(zoo.save(zoo.model(nodes, [zoo.X], [zoo.Y], [weight]), tmp_path / "m.onnx"))


def measured(model: LoadedModel, feeds: Iterable[Feed], precision: str = "fp16") -> dict[str, NodeError]:
    def given(specs: TensorSpecs) -> Iterable[Feed]:
        assert list(specs) == ["x"]
        return feeds

    return measure_nodes(model, dict.fromkeys(("shift", "centre", "square"), precision), given, Options())


def feed(*values: float) -> Feed:
    return {"x": np.array([values], np.float32)}


def test_the_worst_of_all_feeds_counts(squares: LoadedModel) -> None:
    alone = measured(squares, [feed(1, 2, 3)])
    both = measured(squares, [feed(1, 2, 3), feed(0.1, 300, 0.2)])
    assert not any(each.overflows for each in alone.values())
    assert both["square"].overflows
    assert both["square"].magnitude == pytest.approx(90000, rel=1e-4)
    assert (both["square"].tensor, both["square"].makes) == ("y", True)
    assert measured(squares, [feed(0.1, 300, 0.2), feed(1, 2, 3)]) == both


def test_order(squares: LoadedModel) -> None:
    """What is lost where `centre` reads the sum takes `shift` in FP32 too."""
    ordered, overflowing = in_order_of_suspicion(measured(squares, [feed(0.1, 0.2, 0.3)]))
    assert (ordered, overflowing) == (["centre", "shift", "square"], 0)
    ordered, overflowing = in_order_of_suspicion(measured(squares, [feed(0.1, 300, 0.3)]))
    assert (ordered[0], overflowing) == ("square", 1)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(NodeError(), "found by trial", id="not measured"),
        pytest.param(NodeError(0.125, 0.5), "relative error 0.12 in fp16 by itself", id="error"),
        pytest.param(NodeError(0.0, 0.0, True, 2.0, "x"), "its result becomes infinite or NaN in fp16", id="lost"),
        pytest.param(
            NodeError(0.0, 0.0, True, 1e6, "x", True, 65504.0),
            "makes values up to 1e+06, beyond the largest of fp16, 65504",
            id="makes",
        ),
        pytest.param(
            NodeError(0.0, 0.0, True, 123456, "x", False, 65504.0),
            "takes values up to 1.23e+05, beyond the largest of fp16, 65504",
            id="takes",
        ),
    ],
)
def test_reasons(error: NodeError, text: str) -> None:
    assert error.text("fp16") == text


def test_eight_bits_have_no_largest_value(squares: LoadedModel) -> None:
    found = measured(squares, [feed(1, 300, 3)], "int8")
    assert not any(each.overflows for each in found.values())
    assert found["centre"].error is not None
    assert found["centre"].error > 0.001


def test_what_cannot_be_measured_keeps_the_models_order(squares: LoadedModel, caplog: pytest.LogCaptureFixture) -> None:
    def broken(specs: TensorSpecs) -> Iterable[Feed]:
        yield {"x": np.zeros((1, 5), np.float32)}

    with caplog.at_level(logging.WARNING):
        found = measure_nodes(squares, dict.fromkeys(("shift", "centre"), "fp16"), broken, Options())
    assert in_order_of_suspicion(found) == (["shift", "centre"], 0)
    assert "nodes are tried in the model's order, since they cannot be measured: " in caplog.text
