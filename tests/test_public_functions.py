"""The public functions, used as a program uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo

import trtkit
from trtkit.errors import FileError, InputError, UsageError

X = np.ones((2, 3), np.float32)


def test_a_runner_by_itself(tmp_path: Path) -> None:
    with trtkit.open_runner("onnxrt", zoo.write("linear", tmp_path), graph_optimization_level="basic") as runner:
        assert list(runner.input_specs()) == ["x"]
        assert runner.infer({"x": X})["y"].shape == (2, 3)
    with pytest.raises(UsageError, match="the runner 'onnxrt' is not loaded; use it inside `with`"):
        runner.infer({"x": X})


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        (None, "the feed is a NoneType; a feed is a dict from input name to array"),
        ({"x": [1.0]}, "the feed, input 'x' is a list; give a numpy array of the model's type, such as numpy.float32"),
        ({"x": X.astype(np.float64)}, "input 'x' is float64, but the model expects x:[N,3]:float32"),
        ({}, "input 'x' is missing"),
    ],
)
def test_feeds_that_do_not_fit(tmp_path: Path, feed: Any, message: str) -> None:
    with (
        trtkit.open_runner("onnxrt", zoo.write("linear", tmp_path)) as runner,
        pytest.raises(InputError) as caught,
    ):
        runner.infer(feed)
    assert message in str(caught.value)


def test_comparing() -> None:
    assert trtkit.compare({"y": X}, {"y": X}).passed
    assert not trtkit.compare({"y": X}, {"y": X * 2}).passed
    assert not trtkit.compare({"y": X}, {"y": X * 2})
    assert not trtkit.compare({"y": X}, {"y": X, "z": X}).passed
    with pytest.raises(InputError, match="actual is a NoneType; give a mapping from name to array"):
        trtkit.compare(None, {"y": X})  # type: ignore[arg-type]  # on purpose


def test_running_on_given_feeds(tmp_path: Path) -> None:
    model = zoo.write("linear", tmp_path)
    for feeds in ({"x": X}, [{"x": X}], iter([{"x": X}])):
        report = trtkit.run(trtkit.RunPlan(model, runners=["onnxrt", "onnxref"]), feeds)
        assert (report.verdict, report.iterations, report.exit_code) == ("PASS", 1, 0)
    alone = trtkit.run(trtkit.RunPlan(model, runners="onnxrt"), {"x": X})
    assert (alone.verdict, alone.passed, bool(alone)) == ("RAN", False, False)


def test_saved_outputs_without_iterations_are_no_baseline(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    path.write_text('{"lst": [], "polygraphy_class": "RunResults"}')
    plan = trtkit.RunPlan(zoo.write("linear", tmp_path), runners=["onnxrt", "onnxref"], load_outputs=[path])
    with pytest.raises(FileError, match="holds no outputs"):
        trtkit.run(plan)


@pytest.mark.parametrize(
    "fields",
    [
        {"load_outputs": [""]},
        {"save": trtkit.SaveOptions(save_outputs="")},
        {"inputs": trtkit.InputOptions(load_inputs=("",))},
    ],
)
def test_empty_paths(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="a path to load or save is empty"):
        trtkit.RunPlan("m.onnx", runners=["onnxrt"], **fields)


def test_a_report_that_cannot_be_saved_is_known_before_the_run(tmp_path: Path) -> None:
    def feeds() -> Any:
        raise AssertionError("nothing may run")
        yield

    save = trtkit.SaveOptions(save_accuracy_results=str(tmp_path / "no" / "r.json"))
    with pytest.raises(FileError, match="there is no folder"):
        trtkit.run(trtkit.RunPlan(zoo.write("linear", tmp_path), runners=["onnxrt"], save=save), feeds())
