from __future__ import annotations

import json
import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.chunks import CHUNK
from trtkit.comparator.stats import count_nonfinite, error_histogram, summary, summary_of, value_histogram
from trtkit.errors import InputError

pytestmark = pytest.mark.usefixtures("computing")

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "uint64", "bool"])
def test_summary_is_numpys(dtype: str) -> None:
    rng = np.random.default_rng(1)
    array = (rng.standard_normal((3, CHUNK // 2 + 7)) * 3 + 10).astype(dtype)
    array[0, 5] = 0
    found = summary(array)
    wide = array.astype(np.float64)
    assert (found.dtype, found.shape, found.size) == (dtype, array.shape, array.size)
    assert (found.minimum, found.maximum) == (array.min(), array.max())
    assert found.mean == pytest.approx(wide.mean(), rel=1e-12)
    assert found.std == pytest.approx(wide.std(), rel=1e-12)
    assert found.zeros == pytest.approx((array == 0).mean())


@pytest.mark.parametrize(
    ("array", "figures"),
    [
        ([1.0, NAN, 3.0, INF], (1.0, 3.0, 2.0, 1.0, 1, 1, 0.0)),
        ([NAN, INF], (None, None, NAN, NAN, 1, 1, 0.0)),
        ([], (None, None, NAN, NAN, 0, 0, 0.0)),
        (0.0, (0.0, 0.0, 0.0, 0.0, 0, 0, 1.0)),
        ([3 + 4j, 0j], (0.0, 5.0, 2.5, 2.5, 0, 0, 0.5)),
        (np.array([2**63 + 1], np.uint64), (2**63 + 1, 2**63 + 1, 2.0**63, 0.0, 0, 0, 0.0)),
        (np.array([1, 2], ml_dtypes.bfloat16), (1.0, 2.0, 1.5, 0.5, 0, 0, 0.0)),
        (np.array([1, -2], ml_dtypes.int4), (-2.0, 1.0, -0.5, 1.5, 0, 0, 0.0)),
    ],
    ids=str,
)
def test_summary(array: Any, figures: tuple[Any, ...]) -> None:
    found = summary(np.asarray(array))
    names = ("minimum", "maximum", "mean", "std", "nan", "infinite", "zeros")
    assert [getattr(found, name) for name in names] == pytest.approx(list(figures), nan_ok=True)
    json.dumps(found.to_data(), allow_nan=False)


def test_exact_extremes_of_integers() -> None:
    assert summary(np.array([2**53 + 1, 5])).maximum == 2**53 + 1


def test_no_statistics_of_strings() -> None:
    with pytest.raises(InputError, match="no statistics"):
        summary(np.array(["a"]))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e5m2, np.complex64])
def test_count_nonfinite(dtype: Any) -> None:
    array = np.zeros(CHUNK + 10, dtype)
    assert count_nonfinite(array) == (0, 0)
    array[[3, CHUNK + 1]] = NAN
    array[CHUNK + 2] = -INF
    assert count_nonfinite(array) == (2, 1)


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, ml_dtypes.int4, ml_dtypes.float8_e4m3fn])
def test_nothing_to_count(dtype: Any) -> None:
    assert count_nonfinite(np.zeros(5, dtype)) == (0, 0)
    assert count_nonfinite(np.zeros(0, dtype)) == (0, 0)


def test_histogram_is_numpys() -> None:
    rng = np.random.default_rng(0)
    actual, expected = rng.random(CHUNK + 99), rng.random(CHUNK + 99)
    counts, edges = np.histogram(np.abs(actual - expected), 10, (0, np.abs(actual - expected).max()))
    found = error_histogram(ArrayPair("y", actual, expected))
    assert (found.counts, found.left_out) == (tuple(counts), 0)
    assert found.edges == pytest.approx(edges)


@pytest.mark.parametrize(
    ("actual", "expected", "counts", "left_out"),
    [
        ([1.0, 2.0], [1.0, 2.0], (2, 0), 0),
        ([1.0, NAN, INF, INF], [2.0, 1.0, INF, 0.0], (0, 1), 3),
        ([NAN, 0.0], [NAN, 4.0], (1, 1), 0),
        ([1.7e308, 1.0], [-1.7e308, 1.0], (1, 0), 1),
        ([], [], (0, 0), 0),
    ],
    ids=str,
)
def test_histogram(actual: Any, expected: Any, counts: tuple[int, ...], left_out: int) -> None:
    found = error_histogram(ArrayPair("y", np.array(actual), np.array(expected)), bins=2)
    assert (found.counts, found.left_out) == (counts, left_out)
    json.dumps(found.to_data(), allow_nan=False)


ORDERS = {
    "C": lambda a: a,
    "F": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
}


@pytest.mark.parametrize("arrange", ORDERS.values(), ids=ORDERS)
def test_summary_of_any_layout(arrange: Any) -> None:
    array = arrange(np.random.default_rng(2).standard_normal((3, CHUNK), np.float32))
    found, wide = summary(array), array.astype(np.float64)
    figures = (found.minimum, found.maximum, found.mean, found.std)
    assert figures == pytest.approx((wide.min(), wide.max(), wide.mean(), wide.std()), rel=1e-12)
    assert found.shape == array.shape


@pytest.mark.parametrize(
    "dtype", ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e8m0fnu", "int4", "uint4", "float4_e2m1fn"]
)
def test_summary_of_single_bytes(dtype: str) -> None:
    array = np.random.default_rng(3).uniform(0.25, 3, CHUNK + 5).astype(getattr(ml_dtypes, dtype))
    found, wide = summary(array), array.astype(np.float64)
    figures = (found.minimum, found.maximum, found.mean, found.std)
    assert figures == pytest.approx((wide.min(), wide.max(), wide.mean(), wide.std()), rel=1e-12)


def test_summary_leaves_the_array_as_it_is() -> None:
    array = np.array([3.0, NAN, 1.0])
    array.setflags(write=False)
    assert summary(array).mean == 2.0


def test_pieces_of_any_length() -> None:
    values = np.random.default_rng(4).standard_normal(1000)
    pieces = np.split(values, [1, 2, 700])
    found, whole = summary_of(pieces, (1000,), values.dtype), summary(values)
    assert (found.mean, found.std) == pytest.approx((whole.mean, whole.std))
    assert (found.minimum, found.maximum, found.size) == (whole.minimum, whole.maximum, 1000)


@pytest.mark.parametrize(
    ("values", "edges", "counts", "left_out"),
    [
        ([0.0, 1.0, 4.0], (0.0, 2.0, 4.0), (2, 1), 0),
        ([0.0, NAN, 4.0, INF, -INF], (0.0, 2.0, 4.0), (1, 1), 3),
        ([2.5, 2.5], (2.5, 2.5), (2,), 0),
        ([1.0, np.nextafter(1, 2)], (1.0, np.nextafter(1, 2)), (2,), 0),
        ([-1.7e308, 0.0, 1.7e308], (-1.7e308, 0.0, 1.7e308), (1, 2), 0),
        ([NAN], (), (), 1),
        ([], (), (), 0),
        ([3 + 4j, 0j], (0.0, 2.5, 5.0), (1, 1), 0),
        ([True, False, True], (0.0, 0.5, 1.0), (1, 2), 0),
        (np.array([1, 7, 7], ml_dtypes.int4), (1.0, 4.0, 7.0), (1, 2), 0),
    ],
    ids=str,
)
def test_value_histogram(values: Any, edges: tuple[float, ...], counts: tuple[int, ...], left_out: int) -> None:
    array = np.asarray(values)
    found = value_histogram([array], summary(array), 2)
    assert found.edges == pytest.approx(edges)
    assert (found.counts, found.left_out) == (counts, left_out)
    json.dumps(found.to_data(), allow_nan=False)
