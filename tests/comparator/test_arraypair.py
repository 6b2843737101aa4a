from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.chunks import CHUNK, blocks, chunks, row_chunks
from trtkit.comparator.parallel import thread_count
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.errors import InputError
from trtkit.results import Array

pytestmark = pytest.mark.usefixtures("computing")

I64, U64 = np.iinfo(np.int64), np.iinfo(np.uint64)


def pair_of(actual: Any, expected: Any, dtype: Any = np.float32, other: Any = None) -> ArrayPair:
    return ArrayPair("y", np.array(actual, dtype), np.array(expected, other or dtype))


@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 0, 2), (5, 3), (4, 3, 5), (2, 100), (3, 2, 2, 7)], ids=str)
@pytest.mark.parametrize("limit", [1, 4, 6, 1000])
def test_blocks_cover_the_array_in_order(shape: tuple[int, ...], limit: int) -> None:
    array = np.arange(math.prod(shape)).reshape(shape)
    pieces = [array[index].reshape(-1) for index in blocks(shape, limit)]
    assert np.array_equal(np.concatenate(pieces), array.reshape(-1))
    assert all(piece.size <= limit for piece in pieces)


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": lambda a: a,
    "fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "reversed": lambda a: a[::-1, ::-1][::-1, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_chunks_keep_c_order_whatever_the_layout(layout: str) -> None:
    array = LAYOUTS[layout](np.arange(300 * 301, dtype=np.int32).reshape(300, 301))
    pieces = [piece for (piece,) in chunks(array)]
    assert len(pieces) > 1
    assert max(piece.size for piece in pieces) <= CHUNK
    assert np.array_equal(np.concatenate(pieces), array.reshape(-1))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_row_chunks(axis: int) -> None:
    array = np.arange(60 * 50 * 40).reshape(60, 50, 40)
    rows = np.concatenate([piece for (piece,) in row_chunks(axis, array)])
    assert np.array_equal(rows, np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis]))


def naive(actual: Array, expected: Array) -> tuple[Array, Array]:
    left, right = actual.astype(np.float64), expected.astype(np.float64)
    error = np.abs(left - right)
    with np.errstate(all="ignore"):
        ratio = np.where(error == 0, 0.0, error / np.abs(right))
    return error, ratio


NARROW = [name for name, row in DTYPES.items() if row.kind != "complex" and name not in ("int64", "uint64")]


@pytest.mark.parametrize("name", NARROW)
def test_totals_are_those_of_a_naive_computation(name: str) -> None:
    rng = np.random.default_rng(3)
    size = CHUNK + 1234
    actual, expected = (rng.integers(0, 2 if name == "bool" else 7, size).astype(numpy_dtype(name)) for _ in "ae")
    if DTYPES[name].kind == "float" and DTYPES[name].bits >= 16:
        actual = (actual.astype(np.float32) * 1.1 - 2).astype(numpy_dtype(name))
    finite = np.isfinite(actual.astype(np.float64)) & np.isfinite(expected.astype(np.float64))
    actual, expected = actual[finite], expected[finite]  # e8m0 has no zero, and ml_dtypes makes it NaN
    pair = ArrayPair("y", actual, expected)
    pair.want_tolerance(1.5, 0.5)
    pair.want_squares()
    errors, (error, ratio) = pair.errors, naive(actual, expected)
    beyond = (error > 1.5) & (ratio > 0.5)
    assert (errors.max_abs, errors.max_abs_at) == (error.max(), int(error.argmax()))
    assert errors.max_rel == ratio.max()
    assert errors.sum_abs == pytest.approx(error.sum(), rel=1e-12)
    assert errors.sum_rel == pytest.approx(ratio.sum(), rel=1e-12)
    assert errors.beyond == np.count_nonzero(beyond)
    assert errors.required_atol == error[ratio > 0.5].max(initial=0)
    assert errors.required_rtol == ratio[error > 1.5].max(initial=0)
    if beyond.any():
        assert errors.required_atol_at == int(np.where(beyond, error, -1).argmax())
    wide = expected.astype(np.float64)
    assert errors.square_error == pytest.approx((error**2).sum())
    assert errors.square_expected == pytest.approx((wide**2).sum())
    assert errors.dot == pytest.approx((actual.astype(np.float64) * wide).sum())
    assert errors.peak == wide.max()


@pytest.mark.parametrize(
    ("actual", "expected", "dtype", "other", "error"),
    [
        ([-128], [127], "int8", "int8", 255),
        ([0], [255], "uint8", "uint8", 255),
        ([0], [255], "int8", "uint8", 255),
        ([2**31 - 1], [-(2**31)], "int32", "int32", 2**32 - 1),
        ([2**53 + 1], [2**53], "int64", "int64", 1),
        ([I64.min], [I64.max], "int64", "int64", 2**64 - 1),
        ([I64.max], [I64.max - 1], "int64", "int64", 1),
        ([I64.max], [I64.max], "int64", "uint64", 0),
        ([U64.max], [U64.max - 1], "uint64", "uint64", 1),
        ([0], [U64.max], "uint64", "uint64", 2**64 - 1),
        ([-1], [U64.max], "int64", "uint64", 2**64),
        ([U64.max], [-1], "uint64", "int8", 2**64),
        ([5], [-3], "uint64", "int64", 8),
        ([1], [0], "bool", "int64", 1),
        ([True], [False], "bool", "bool", 1),
        ([True], [1.5], "bool", "float32", 0.5),
    ],
    ids=str,
)
def test_integers_neither_wrap_nor_round(actual: Any, expected: Any, dtype: str, other: str, error: float) -> None:
    errors = pair_of(actual, expected, dtype, other).errors
    assert errors.max_abs == float(error)
    assert errors.unmatched == 0


def test_complex_error_is_the_magnitude_of_the_difference() -> None:
    pair = pair_of([3 + 4j, 1j], [0, 2j], np.complex64)
    pair.want_squares()
    assert (pair.errors.max_abs, pair.errors.max_abs_at, pair.errors.max_rel) == (5.0, 0, math.inf)
    assert (pair.errors.square_actual, pair.errors.dot, pair.errors.peak) == (26.0, 2.0, 2.0)


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64"])
@pytest.mark.parametrize(
    ("actual", "expected", "kind"),
    [
        (NAN, NAN, "equal"),
        (NAN, 1.0, "unmatched"),
        (1.0, NAN, "unmatched"),
        (NAN, INF, "unmatched"),
        (INF, NAN, "unmatched"),
        (INF, 1.0, "unmatched"),
        (1.0, -INF, "unmatched"),
        (INF, -INF, "unmatched"),
        (INF, INF, "infinities"),
        (-INF, -INF, "infinities"),
    ],
    ids=str,
)
def test_what_is_not_finite(dtype: str, actual: float, expected: float, kind: str) -> None:
    values = [0.5] * 3
    errors = pair_of([*values, actual], [*values, expected], numpy_dtype(dtype)).errors
    assert errors.unmatched == (kind == "unmatched")
    assert errors.unmatched_at == (3 if kind == "unmatched" else None)
    assert errors.equal_infinities == (kind == "infinities")
    assert errors.equal_infinities_at == (3 if kind == "infinities" else None)
    assert errors.max_abs == errors.max_rel == errors.sum_abs == 0
    counts = (errors.nan_actual, errors.nan_expected, errors.inf_actual, errors.inf_expected)
    assert counts == tuple(
        map(int, (math.isnan(actual), math.isnan(expected), math.isinf(actual), math.isinf(expected)))
    )


def test_a_difference_beyond_float64_is_infinite_but_has_a_ratio() -> None:
    errors = pair_of([1.6e308], [-1.6e308], np.float64).errors
    assert (errors.max_abs, errors.max_rel, errors.unmatched) == (INF, 2.0, 0)


def test_float32_differences_do_not_overflow() -> None:
    top = float(np.finfo(np.float32).max)
    assert pair_of([top], [-top]).errors.max_abs == 2 * top


@pytest.mark.parametrize("shape", [(0,), (2, 0, 3)], ids=str)
def test_empty(shape: tuple[int, ...]) -> None:
    errors = pair_of(np.zeros(shape), np.zeros(shape)).errors
    assert (errors.total, errors.max_abs, errors.max_abs_at) == (0, 0.0, None)


def test_zero_dimensional() -> None:
    pair = pair_of(1.5, 1.0)
    assert pair.errors.max_abs_at == 0
    assert pair.element(0) == {"index": [], "actual": 1.5, "expected": 1.0, "abs_error": 0.5, "rel_error": 0.5}


def test_layouts_and_byte_orders_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    expected = rng.random((300, 301))
    actual = expected.copy()
    actual[299, 7] += 1
    straight = ArrayPair("y", actual, expected).errors
    assert ArrayPair("y", np.asfortranarray(actual), expected.astype(">f8")).errors == straight
    assert straight.max_abs_at == 299 * 301 + 7


def test_a_later_wish_gives_the_same_answers() -> None:
    pair = pair_of([1.0, 2.0], [1.0, 4.0])
    assert (pair.errors.max_abs, pair.errors.beyond) == (2.0, 0)
    pair.want_tolerance(1.0, 0.1)
    pair.want_squares()
    assert (pair.errors.max_abs, pair.errors.beyond, pair.errors.square_error) == (2.0, 1, 4.0)


def test_one_sweep_serves_all_wishes() -> None:
    pair = pair_of([1.0], [2.0])
    pair.want_tolerance(0.0, 0.0)
    pair.want_squares()
    first = pair.errors
    pair.want_tolerance(0.0, 0.0)
    pair.want_squares()
    assert pair.errors is first


def test_notes() -> None:
    assert pair_of([1], [1], np.float16, np.float32).notes == ("compared float16 with float32",)
    assert pair_of([1], [1]).notes == ()


def test_what_cannot_be_compared() -> None:
    with pytest.raises(InputError, match=r"'y' has shape \[2\], expected \[3\]"):
        pair_of([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match="holds data of type object"):
        pair_of(["a"], ["a"], object)


@pytest.mark.parametrize("layout", ["contiguous", "strided"])
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_memory_is_bounded(layout: str, dtype: str) -> None:
    expected = LAYOUTS[layout](np.zeros((2000, 2000), dtype))
    actual = LAYOUTS[layout](np.ones((2000, 2000), dtype))
    pair = ArrayPair("y", actual, expected)
    pair.want_tolerance(1e-5, 1e-5)
    pair.want_squares()
    tracemalloc.start()
    try:
        assert pair.errors.beyond == 4_000_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6e6 * thread_count()
