"""What a page draws of two arrays: held against a plain count of every element, of every data type."""

from __future__ import annotations

import base64
import itertools
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.compare import PairComparator
from trtkit.comparator.grids import CELLS, LONGEST, grid_data
from trtkit.comparator.options import CompareOptions
from trtkit.comparator.pictures import pictures
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.results import Array, Iteration

SHAPES: list[tuple[int, ...]] = [
    (2, 3),
    (7,),
    (1, 5, 1),
    (3, 1, 4, 2),
    (300, 700),
    (40, 50, 60),
    (1, 70000, 2),
    (600000,),
]


def pair_of(shape: tuple[int, ...], dtype: str = "float32") -> ArrayPair:
    random = np.random.default_rng(3)
    expected = random.standard_normal(shape) * np.exp(3 * random.standard_normal(shape))
    actual = expected + random.standard_normal(shape) * 1e-3 * np.abs(expected)
    kind = DTYPES[dtype].kind
    if kind in ("int", "uint", "bool"):
        expected, actual = np.abs(np.rint(expected)) % 2, np.abs(np.rint(actual * 3)) % 2
    return ArrayPair("y", actual.astype(numpy_dtype(dtype)), expected.astype(numpy_dtype(dtype)))


def levels(grid: dict[str, Any]) -> Array:
    found = np.frombuffer(base64.b64decode(grid["levels"]), np.uint8)
    return found.reshape(grid["rows"], grid["columns"])


def values(grid: dict[str, Any]) -> Array:
    """What the levels of a grid stand for, as docs/report.md says."""
    found = levels(grid).astype(float)
    some = (found > 0) & (found < 255)
    if some.any():
        found[some] = grid["low"] * (grid["high"] / grid["low"]) ** ((found[some] - 1) / 253)
    found[found == 255] = math.inf
    return found


def errors(pair: ArrayPair) -> tuple[Array, Array]:
    """Absolute errors and magnitudes, NaN where an element has no error."""
    wide = np.complex128 if pair.actual.dtype.kind == "c" else np.float64
    actual, expected = pair.actual.astype(wide), pair.expected.astype(wide)
    with np.errstate(all="ignore"):
        error = np.where(np.isnan(actual) & np.isnan(expected), 0, np.abs(actual - expected))
    return error, np.abs(expected)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_element_is_in_its_bin(shape: tuple[int, ...]) -> None:
    pair = pair_of(shape)
    found = pictures(pair)
    error, magnitude = errors(pair)
    assert (found["shape"], found["elements"]) == (list(shape), pair.size)
    assert found["equal"] == np.count_nonzero(error == 0)
    for name, wanted in (("abs_error", error), ("rel_error", error / magnitude)):
        histogram = found[name]
        edges = 2.0 ** (histogram["log2_first"] + histogram["log2_step"] * np.arange(len(histogram["counts"]) + 1))
        assert histogram["counts"] == np.histogram(wanted[wanted > 0], edges)[0].tolist()
        assert sum(histogram["counts"]) + found["equal"] == pair.size
        assert histogram["counts"][0]
        assert histogram["counts"][-1]
    density = found["density"]
    counted = np.histogram2d(
        np.log2(error[error > 0]),
        np.log2(magnitude[error > 0]),
        [
            density[first] + density["log2_step"] * np.arange(density["grid"][side] + 1)
            for first, side in (("log2_error", "rows"), ("log2_magnitude", "columns"))
        ],
    )[0]
    assert counted.sum() == np.count_nonzero(error)
    np.testing.assert_allclose(values(density["grid"]), counted, rtol=0.02)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_maps_have_the_largest_error_of_each_cell(shape: tuple[int, ...]) -> None:
    pair = pair_of(shape)
    error, _ = errors(pair)
    maps = pictures(pair)["maps"]
    long = [axis for axis, length in enumerate(shape) if length > 1]
    pairs = [list(pair) for pair in itertools.combinations(long, 2)]
    assert [each["axes"] for each in maps] == (pairs or [long])
    sizes = [each["grid"]["rows"] * each["grid"]["columns"] for each in maps]
    assert sum(sizes) <= CELLS
    assert sum(sizes) > min(CELLS, LONGEST, pair.size) / 4
    for each in maps:
        axes, cell = each["axes"], each["cell"]
        largest = np.moveaxis(error, axes, range(len(axes)))
        largest = largest.max(axis=tuple(range(len(axes), largest.ndim)))
        for axis, size in enumerate(cell):
            largest = np.maximum.reduceat(largest, range(0, largest.shape[axis], size), axis=axis)
        np.testing.assert_allclose(values(each["grid"]), np.atleast_2d(largest), rtol=0.1)


@pytest.mark.parametrize("dtype", [name for name in DTYPES if name != "string"])
def test_every_data_type(dtype: str) -> None:
    pair = pair_of((20, 30), dtype)
    found = pictures(pair)
    error, _ = errors(pair)
    without = int(np.count_nonzero(~np.isfinite(error)))
    histogram = found["abs_error"]
    assert found["without_error"] == without
    assert found["equal"] == np.count_nonzero(error == 0)
    assert sum(histogram["counts"]) + histogram["below"] + histogram["above"] + found["equal"] + without == 600
    assert (values(found["maps"][0]["grid"]) > 0).sum() == np.count_nonzero(error)


@pytest.mark.parametrize(
    ("shape", "maps"),
    [((), []), ((1, 1), []), ((0,), []), ((3, 0), []), ((1, 4), [[1]])],
    ids=["no dimension", "one element", "empty", "empty in one dimension", "one axis"],
)
def test_few_elements(shape: tuple[int, ...], maps: list[list[int]]) -> None:
    found = pictures(ArrayPair("y", np.ones(shape, bool), np.zeros(shape, bool)))
    assert [each["axes"] for each in found["maps"]] == maps
    assert found["elements"] == math.prod(shape) == sum(found["abs_error"]["counts"])
    assert found["rel_error"]["above"] == math.prod(shape)
    assert found["density"]["grid"]["levels"] == ""


def test_what_is_not_finite() -> None:
    nan, inf = math.nan, math.inf
    actual = np.array([nan, nan, inf, inf, 1.0, 2.0, 1.7e308, 1e-300, 1.5])
    expected = np.array([nan, 1.0, inf, -inf, 1.0, 0.0, -1.7e308, 2e-300, 1.0])
    found = pictures(ArrayPair("y", actual, expected))
    assert (found["equal"], found["without_error"]) == (2, 3)  # NaN on both sides is equal
    assert found["abs_error"] == {
        "log2_first": -1.0,
        "log2_step": 0.5,
        "below": 1,
        "counts": [1, 0, 0, 0, 1],
        "above": 1,
    }
    assert found["rel_error"]["above"] == 1
    assert values(found["maps"][0]["grid"])[0].tolist()[:4] == [0, inf, inf, inf]
    assert levels(found["maps"][0]["grid"])[0, 6] == 255  # no finite error


def test_wide_ranges_have_few_bins() -> None:
    expected = 2.0 ** np.arange(-79, 79)
    found = pictures(ArrayPair("y", expected * 1.5, expected))
    assert found["abs_error"]["log2_step"] == found["density"]["log2_step"] == 4.0
    assert len(found["abs_error"]["counts"]) <= 64
    assert sum(found["abs_error"]["counts"]) + found["abs_error"]["below"] == expected.size
    assert max(found["density"]["grid"][side] for side in ("rows", "columns")) <= 64


def test_memory_does_not_grow_with_the_arrays() -> None:
    peaks = []
    for size in (1 << 20, 1 << 23):
        expected = np.ones((8, size // 8), np.float32)
        pair = ArrayPair("y", expected * 1.01, expected)
        tracemalloc.start()
        pictures(pair)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 1.1 * min(peaks) < 16e6


@pytest.mark.parametrize(
    ("row", "expected"),
    [([0.0, 1.0, 10.0, 100.0], [0, 1, 128, 254]), ([5.0, 5.0], [254, 254]), ([0.0, math.inf], [0, 255]), ([], [])],
    ids=["logarithmic", "equal", "not finite", "empty"],
)
def test_levels(row: list[float], expected: list[int]) -> None:
    assert levels(grid_data(np.array([row])))[0].tolist() == expected


def compared(*factors: float, more: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """The pictures of an output whose iterations are off by these factors."""
    comparator = PairComparator("a", "b", CompareOptions(compare=("simple", *more)), pictures=True)
    expected = np.array([1.0, 2.0], np.float32)
    for index, factor in enumerate(factors):
        comparator.compare(
            index, Iteration({"y": expected * np.float32(factor)}), Iteration({"y": expected}), f"sample {index}"
        )
    found: dict[str, Any] | None = comparator.outcome().outputs[0].to_data()["pictures"]
    return found


@pytest.mark.parametrize(
    ("factors", "worst"),
    [((1.0, 1.0), 0), ((1.0, 1.5, 1.1), 1), ((1.1, 1.2, 1.3), 2), ((1.5, 1.5), 0)],
    ids=["all equal", "in the middle", "ever worse", "the first of equals"],
)
def test_they_are_of_the_worst_iteration(factors: tuple[float, ...], worst: int) -> None:
    for more in ((), ("l2",)):
        found = compared(*factors, more=more)
        assert found is not None
        assert (found["iteration"], found["sample"]) == (worst, f"sample {worst}")
        largest = max(each["grid"]["high"] or 0 for each in found["maps"])
        assert largest == pytest.approx(2 * (factors[worst] - 1), rel=1e-6)
