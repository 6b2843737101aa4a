"""Ranges of tensors, told from data."""

from __future__ import annotations

import math
import re
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.onnxrt.calibration import measure_ranges
from trtkit.backends.onnxrt.histogram import BINS, Magnitudes, entropy_range, percentile_range
from trtkit.errors import InputError, UsageError

Array = np.ndarray[Any, np.dtype[Any]]


def magnitudes(arrays: Sequence[Array]) -> Magnitudes:
    made = Magnitudes(histogram=True)
    for array in arrays:
        made.add(array)
    return made


def normal(size: int, scale: float = 1.0, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0, scale, size).astype(np.float32)


def relu_model(folder: Path, dtype: int = TensorProto.FLOAT) -> Path:
    """x -> Neg -> n -> Relu -> y."""
    nodes = [helper.make_node("Neg", ["x"], ["n"]), helper.make_node("Relu", ["n"], ["y"])]
    infos = {name: helper.make_tensor_value_info(name, dtype, ["N"]) for name in "xny"}
    graph = helper.make_graph(nodes, "g", [infos["x"]], [infos["y"], infos["n"]])
    proto = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])
    path = folder / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


@pytest.mark.parametrize("scales", [(1, 1, 1), (1, 5, 0.1), (0.01, 100, 3)], ids=["even", "grows", "grows-much"])
def test_a_histogram_counts_every_value_however_its_limit_grows(scales: Sequence[float]) -> None:
    arrays = [normal(5000, scale, seed) for seed, scale in enumerate(scales)]
    found = magnitudes(arrays)
    values = np.abs(np.concatenate(arrays))
    assert found.counts is not None
    assert found.counts.sum() + found.zeros == values.size
    assert found.largest == values.max()
    width = found.limit / BINS
    assert values.max() > found.limit / 2
    # Each bin holds what lies in it, but for values on the very edge.
    expected, _ = np.histogram(values, bins=BINS, range=(0, found.limit))
    np.testing.assert_allclose(np.cumsum(found.counts), np.cumsum(expected), atol=3)
    assert width <= 2 * values.max() / BINS


@pytest.mark.parametrize("percent", [50, 90, 99, 99.9])
def test_a_percentile_is_that_of_all_magnitudes(percent: float) -> None:
    arrays = [normal(20000, scale, seed) for seed, scale in enumerate((0.3, 2.0, 1.0))]
    arrays.append(np.zeros(20000, np.float32))
    found = magnitudes(arrays)
    expected = np.percentile(np.abs(np.concatenate(arrays)), percent)
    assert percentile_range(found, percent) == pytest.approx(expected, abs=2 * found.limit / BINS)


def test_all_of_the_values_are_the_largest() -> None:
    found = magnitudes([normal(1000)])
    assert percentile_range(found, 100) == found.largest


def test_a_share_of_zeros_alone_leaves_some_range() -> None:
    found = magnitudes([np.array([0] * 99 + [4], np.float32)])
    assert 0 < percentile_range(found, 50) <= 4


def test_entropy_leaves_out_what_is_far_away_and_rare() -> None:
    bulk = normal(100000)
    found = magnitudes([bulk, np.array([40.0], np.float32)])
    assert 3 < entropy_range(found) < 10


def test_entropy_keeps_what_is_spread_evenly() -> None:
    values = np.random.default_rng(0).uniform(-3, 3, 200000).astype(np.float32)
    assert entropy_range(magnitudes([values])) > 2.9


@pytest.mark.parametrize("range_of", [entropy_range, lambda found: percentile_range(found, 99)], ids=["kl", "share"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 0.0], 0.0), ([], 0.0), ([1.0, math.inf], math.inf), ([math.nan, 1.0], math.nan)],
    ids=["zeros", "none", "infinite", "nan"],
)
def test_what_has_no_distribution(range_of: Any, values: list[float], expected: float) -> None:
    found = magnitudes([np.array(values, np.float32), np.array([0.0], np.float32)])
    np.testing.assert_equal(range_of(found), expected)


def test_tiny_and_huge_values_fit_into_a_histogram() -> None:
    found = magnitudes([np.array([1e-42], np.float32), np.array([3e38], np.float32)])
    assert found.counts is not None
    assert found.counts.sum() == 2
    assert percentile_range(found, 99) == pytest.approx(3e38)


def test_methods_differ_as_they_should(tmp_path: Path) -> None:
    model = open_onnx(relu_model(tmp_path))
    feeds = [{"x": normal(50000, seed=seed)} for seed in range(4)]
    feeds.append({"x": np.array([-60.0], np.float32)})
    ranges = {
        method: measure_ranges(model, ["x", "y", "n"], feeds, method, 99.0)
        for method in ("minmax", "entropy", "percentile")
    }
    assert ranges["minmax"] == {"x": 60.0, "y": 60.0, "n": 60.0}
    assert ranges["percentile"]["x"] == pytest.approx(2.576, abs=0.1)  # 99% of a normal distribution
    assert ranges["percentile"]["y"] == pytest.approx(2.326, abs=0.1)  # half of it is zeros
    for name in ("x", "y", "n"):
        assert ranges["percentile"][name] < ranges["entropy"][name] < ranges["minmax"][name] / 2


def test_sixteen_bits_are_measured_too(tmp_path: Path) -> None:
    model = open_onnx(relu_model(tmp_path, TensorProto.FLOAT16))
    assert measure_ranges(model, ["x", "y"], [{"x": np.array([-3, 1], np.float16)}], "minmax") == {"x": 3.0, "y": 3.0}


@pytest.mark.parametrize("method", ["minmax", "entropy"])
def test_memory_does_not_grow_with_feeds(tmp_path: Path, method: Any) -> None:
    model = open_onnx(relu_model(tmp_path))

    def feeds(count: int) -> Iterator[dict[str, Array]]:
        for seed in range(count):
            yield {"x": normal(100000, 1 + seed, seed)}

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            measure_ranges(model, ["x", "y", "n"], feeds(count), method)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # what is imported on first use
    assert peak(40) < peak(4) + 200_000  # one output of one feed is 400,000


def test_no_feeds(tmp_path: Path) -> None:
    message = (
        "there is no input data to tell the ranges of tensors from: give --load-inputs or --data-loader-script with at "
        "least one iteration, or a --precision-config that holds the ranges"
    )
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        measure_ranges(open_onnx(relu_model(tmp_path)), ["x"], [], "minmax")


@pytest.mark.parametrize("percent", [0, 100.5, math.nan], ids=str)
def test_a_percentile_that_is_none(tmp_path: Path, percent: float) -> None:
    message = f"--calibration-percentile {percent:g}: expected a number above 0 and up to 100"
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        measure_ranges(open_onnx(relu_model(tmp_path)), ["x"], [], "percentile", percent)


def test_an_optional_input_that_no_feed_has_was_never_seen(tmp_path: Path) -> None:
    path = relu_model(tmp_path)
    proto = onnx.load(path)
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [1]))
    proto.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), "w"))
    path.write_bytes(proto.SerializeToString())
    assert measure_ranges(open_onnx(path), ["w"], [{"x": normal(3)}], "minmax") == {"w": 0.0}
