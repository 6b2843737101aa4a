"""Opened runners: what they check of a feed, however often they have seen its like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo

import trtkit
from trtkit.api import OpenRunner
from trtkit.arrays import DeviceArray
from trtkit.results import Feed, Outputs
from trtkit.tensors import TensorSpec, TensorSpecs

X = np.ones((2, 3), np.float32)

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "another type": ({"x": X.astype(np.float64)}, "input 'x' is float64"),
    "another shape": ({"x": np.ones((2, 4), np.float32)}, r"x:\[2,4\]"),
    "another rank": ({"x": np.ones(3, np.float32)}, "rank 2"),
    "another name": ({"y": X}, "the model has no input 'y'"),
    "one more": ({"x": X, "z": X}, "the model has no input 'z'"),
    "none": ({}, "input 'x' is missing"),
    "no array": ({"x": [[1.0, 2.0, 3.0]]}, "give a numpy array"),
}


@pytest.mark.parametrize(("feed", "message"), BAD.values(), ids=BAD)
def test_feeds_are_checked_after_a_good_one_too(tmp_path: Path, feed: dict[str, Any], message: str) -> None:
    with trtkit.open_runner("onnxrt", zoo.write("linear", tmp_path)) as runner:
        for _ in range(2):
            np.testing.assert_allclose(runner.infer({"x": X})["y"], X @ zoo.SQUARE)
            with pytest.raises(trtkit.TrtkitError, match=message):
                runner.infer(feed)


def test_shapes_and_values_may_change(tmp_path: Path) -> None:
    with trtkit.open_runner("onnxrt", zoo.write("linear", tmp_path)) as runner:
        for rows in (2, 2, 5, 1, 2):
            for x in (np.full((rows, 3), rows, np.float32), np.zeros((rows, 3), np.float32)):
                np.testing.assert_allclose(runner.infer({"x": x})["y"], x @ zoo.SQUARE)


class Seeing:
    """A runner that remembers what it was fed."""

    name = "seeing"
    takes_device_arrays = True

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __enter__(self) -> Seeing:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def input_specs(self) -> TensorSpecs:
        return {"x": TensorSpec("x", "float32", (None, 3))}

    def infer(self, feed: Feed) -> Outputs:
        self.seen.append(feed["x"])
        return {}


class Foreign:
    """An array on a GPU, whose memory is never touched here."""

    def __init__(self, address: int = 4096, shape: tuple[int, ...] = (2, 3), stream: int | None = None) -> None:
        self.__cuda_array_interface__ = {"shape": shape, "typestr": "<f4", "data": (address, False), "stream": stream}


def test_arrays_on_a_gpu_are_taken_for_what_they_are_each_time() -> None:
    runner = Seeing()
    moving = Foreign()
    with OpenRunner(runner) as opened:
        for _ in range(2):
            opened.infer({"x": moving})
        moving.__cuda_array_interface__ = {**moving.__cuda_array_interface__, "data": (8192, False)}
        opened.infer({"x": moving})
        opened.infer({"x": Foreign(stream=7)})
        opened.infer({"x": X})
        opened.infer({"x": Foreign(shape=(5, 3))})
        with pytest.raises(trtkit.TrtkitError, match=r"x:\[5,4\]"):
            opened.infer({"x": Foreign(shape=(5, 4))})
    seen = runner.seen
    assert [getattr(each, "address", None) for each in seen] == [4096, 4096, 8192, 4096, None, 4096]
    assert seen[0] is seen[1], "the like of the one before is not read again"
    assert isinstance(seen[3], DeviceArray)
    assert seen[3].stream == 7
    assert seen[4] is X
    assert seen[5].shape == (5, 3)


def test_members_that_a_runner_need_not_have(tmp_path: Path) -> None:
    with trtkit.open_runner("onnxrt", zoo.write("linear", tmp_path)) as runner:
        runner.infer({"x": X})
        assert (runner.gpu_seconds(), runner.gpu_state(), runner.layer_times({"x": X})) == (None, None, None)
        assert runner.precision_summary() is None
    for use in (lambda: runner.infer({"x": X}), runner.gpu_seconds, runner.input_specs, runner.precision_summary):
        with pytest.raises(trtkit.TrtkitError, match="use it inside `with`"):
            use()


@pytest.mark.parametrize("precision", ["fp16", ("fp16",)], ids=str)
def test_a_lower_precision_is_read_back(tmp_path: Path, precision: Any) -> None:
    with trtkit.open_runner("onnxrt", zoo.write("linear", tmp_path), precision=precision) as runner:
        summary = runner.precision_summary()
        np.testing.assert_allclose(runner.infer({"x": X})["y"], X @ zoo.SQUARE, rtol=1e-2)
    assert summary is not None
    assert (summary.asked, summary.text()) == (("fp16",), "fp16 1 of 1 nodes, by the model")


def test_eight_bits_are_calibrated_with_the_data_given_and_no_other(tmp_path: Path) -> None:
    path, x = zoo.write("linear", tmp_path), 100 * X
    one: Any = {"x": x}
    for feeds in (one, [one], iter([one])):
        with trtkit.open_runner("onnxrt", path, precision="int8", feeds=feeds) as runner:
            np.testing.assert_allclose(runner.infer({"x": x})["y"], x @ zoo.SQUARE, rtol=0.02)
    with (
        pytest.raises(trtkit.TrtkitError) as caught,
        trtkit.open_runner("onnxrt", path, precision=("fp16", "int8")),
    ):
        pass
    assert str(caught.value) == (
        "int8 and fp8 are calibrated with input data: give open_runner(..., feeds=[{...}, ...])"
    )
    with (
        pytest.raises(trtkit.TrtkitError, match="the model has no input 'z'"),
        trtkit.open_runner("onnxrt", path, precision="int8", feeds={"z": x}),
    ):
        pass
