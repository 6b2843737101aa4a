"""The native code against numpy, and both against Python's own arithmetic, over arrays of any bits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from trtkit.comparator import array_sweep, arraypair
from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.chunks import SLICE
from trtkit.comparator.difference import difference_for
from trtkit.comparator.kernel import Kernel, kernel
from trtkit.comparator.scale import scale_of
from trtkit.comparator.stats import summary
from trtkit.comparator.totals import Errors, Wishes
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.native import library
from trtkit.native.build import build
from trtkit.results import Array

REAL = [name for name, row in DTYPES.items() if row.kind != "complex"]
SUMS = ("sum_abs", "sum_rel", "square_error", "square_actual", "square_expected", "dot")
TOLERANCES = (0.0, 1e-5, 0.5, 3.0)


@pytest.fixture(scope="module", autouse=True, params=["this processor", "any processor"])
def native(
    request: pytest.FixtureRequest, native_library: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kernel]:
    made = native_library
    if request.param == "any processor":
        made = tmp_path_factory.mktemp("baseline") / "kernel.so"
        assert build(made, ("-DCLONES=",)) == ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "LIBRARY", made)
        patch.delenv(library.SWITCH, raising=False)
        for cache in (library._opened, kernel):
            cache.cache_clear()
        found = kernel()
        assert found is not None
        yield found
    for cache in (library._opened, kernel):
        cache.cache_clear()


def values(name: str, seed: int, size: int) -> Array:
    """Numbers as they occur, and some of any bits: NaN, infinities, the least and the largest, subnormal ones, -0."""
    rng, dtype = np.random.default_rng(seed), numpy_dtype(name)
    with np.errstate(all="ignore"):
        usual: Array = np.round(rng.normal(0, 3, size)).astype(np.float32).astype(dtype)
        if seed % 2:
            usual = rng.normal(0, 3, size).astype(np.float32).astype(dtype)
    if DTYPES[name].bits < 8 or name == "bool":  # not all bits are a value
        return usual
    odd = np.frombuffer(rng.bytes(size * dtype.itemsize), dtype)
    if DTYPES[name].kind == "float":
        extremes = np.array([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, 6e-8, 65504, 3.4e38], np.float32)
        with np.errstate(all="ignore"):
            odd = np.where(rng.random(size) < 0.5, odd, rng.choice(extremes, size).astype(dtype))
    found: Array = np.where(rng.random(size) < rng.choice([0, 0.01, 0.5]), odd, usual).astype(dtype)
    return found


def pairs(name: str, other: str, seed: int, size: int) -> tuple[Array, Array]:
    actual, expected = values(name, seed, size), values(other, seed + 1, size)
    if name == other and seed % 3:  # mostly equal, as in life
        expected = np.where(np.random.default_rng(seed).random(size) < 0.9, actual, expected).astype(actual.dtype)
    return actual, expected


def assert_same(one: Errors, other: Errors) -> None:
    """Equal to the last bit, but for sums."""
    left, right = asdict(one), asdict(other)
    for side in ("actual", "expected"):
        for found in (left, right):
            if found[f"square_{side}"] != 0:
                found.pop(f"nonzero_{side}")
    scale = math.sqrt(abs(left["square_actual"])) * math.sqrt(abs(left["square_expected"]))
    for name in SUMS:
        first, second = left.pop(name), right.pop(name)
        if name == "dot" and not math.isfinite(scale):
            continue
        assert first == pytest.approx(second, rel=1e-11, abs=1e-11 * scale if name == "dot" else 0, nan_ok=True), name
    assert left == right


@with_settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(REAL),
    st.sampled_from(["", *REAL]),
    st.integers(0, 2**32),
    st.integers(1, 1300),
    st.sampled_from(TOLERANCES),
    st.sampled_from(TOLERANCES),
)
def test_totals_are_those_of_numpy(name: str, other: str, seed: int, size: int, atol: float, rtol: float) -> None:
    found, other = kernel(), other or name
    assert found is not None
    if not found.subtracts(name, other):
        return
    actual, expected = pairs(name, other, seed, size)
    wishes = Wishes((atol, rtol), squares=True)
    plain = array_sweep.totals(actual, expected, difference_for(name, other), wishes)
    assert_same(found.totals(actual, expected, wishes), plain)
    error, ratio = np.empty((2, size))
    found.errors(actual, expected, error, ratio)
    ((there, that),) = array_sweep.error_pieces(actual, expected, difference_for(name, other))
    assert np.array_equal(error, there)
    assert np.array_equal(ratio, that)


def oracle(actual: Array, expected: Array, atol: float, rtol: float) -> dict[str, Any]:
    """The definition, element by element."""
    errors: list[float] = []
    ratios: list[float] = []
    unmatched = infinities = 0
    for left, right in zip(actual.tolist(), expected.tolist(), strict=True):
        error: float = abs(int(left) - int(right)) if isinstance(left, int) else abs(float(left) - float(right))
        finite = isinstance(left, int) or (math.isfinite(left) and math.isfinite(right))
        if not finite:
            same = left == right or (left != left and right != right)
            infinities += same and left == right
            unmatched += not same
            error = 0.0
        errors.append(float(error))
        if math.isinf(float(error)):
            ratios.append(abs(left / right - 1))
        else:
            ratios.append(0.0 if error == 0 else float(error) / abs(float(right)) if right else math.inf)
    both = list(zip(errors, ratios, strict=True))
    return {
        "max_abs": max(errors),
        "max_abs_at": errors.index(max(errors)),
        "max_rel": max(ratios),
        "unmatched": unmatched,
        "equal_infinities": infinities,
        "beyond": sum(error > atol and ratio > rtol for error, ratio in both),
        "required_atol": max((error for error, ratio in both if ratio > rtol), default=0.0),
        "required_rtol": max((ratio for error, ratio in both if error > atol), default=0.0),
        "sum_abs": pytest.approx(sum(errors), rel=1e-12),
        "sum_rel": pytest.approx(sum(ratios), rel=1e-12),
    }


@with_settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([name for name in REAL if not DTYPES[name].extended]),
    st.integers(0, 2**32),
    st.integers(1, 40),
    st.sampled_from(TOLERANCES),
    st.sampled_from(TOLERANCES),
)
def test_both_are_what_is_defined(name: str, seed: int, size: int, atol: float, rtol: float) -> None:
    found = kernel()
    assert found is not None
    actual, expected = pairs(name, name, seed, size)
    wanted, wishes = oracle(actual, expected, atol, rtol), Wishes((atol, rtol))
    for errors in (
        found.totals(actual, expected, wishes),
        array_sweep.totals(actual, expected, difference_for(name, name), wishes),
    ):
        assert {key: getattr(errors, key) for key in wanted} == wanted


def test_every_half_is_read_right(native: Kernel) -> None:
    for name in ("float16", "bfloat16"):
        every = np.arange(1 << 16, dtype=np.uint16).view(numpy_dtype(name))
        with np.errstate(all="ignore"):
            wide = every.astype(np.float64)
        errors = native.totals(every, wide, Wishes())
        assert (errors.max_abs, errors.unmatched) == (0.0, 0)
        assert (errors.nan_actual, errors.inf_actual) == (np.isnan(wide).sum(), np.isinf(wide).sum())


@with_settings(max_examples=150, deadline=None)
@given(st.sampled_from(REAL), st.integers(0, 2**32), st.integers(0, 1300))
def test_summaries_are_those_of_numpy(name: str, seed: int, size: int) -> None:
    array = values(name, seed, size)
    found = summary(array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trtkit.comparator.stats.kernel", lambda: None)
        plain = summary(array)
    with np.errstate(all="ignore"):
        wide = array.astype(np.float64)
    top = abs(wide[np.isfinite(wide)]).max(initial=0)
    for key in ("dtype", "size", "minimum", "maximum", "nan", "infinite", "zeros"):
        assert getattr(found, key) == getattr(plain, key), key
        assert type(getattr(found, key)) is type(getattr(plain, key)), key
    if top < 1e150:  # beyond, squares overflow
        assert found.mean == pytest.approx(plain.mean, rel=1e-11, abs=1e-11 * top, nan_ok=True)
        assert found.std == pytest.approx(plain.std, rel=1e-11, abs=1e-11 * top, nan_ok=True)


@with_settings(max_examples=100, deadline=None)
@given(st.sampled_from(REAL), st.integers(0, 2**32), st.integers(0, 1300))
def test_scale_is_that_of_numpy(name: str, seed: int, size: int) -> None:
    array = values(name, seed, size)
    if DTYPES[name].kind == "float":
        with np.errstate(all="ignore"):
            array = (array.astype(np.float32) / np.float32(64)).astype(array.dtype)
    found = scale_of(array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trtkit.comparator.scale.kernel", lambda: None)
        assert min(found, 1.0) == min(scale_of(array), 1.0)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_threads_do_not_change_anything(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    actual, expected = (rng.normal(0, 1, 4 * SLICE + 321).astype(dtype) for _ in "ae")

    def errors(threads: int) -> Errors:
        monkeypatch.setattr(arraypair, "threads_for", lambda size: threads)
        pair = ArrayPair("y", actual, expected)
        pair.want_tolerance(1e-3, 1e-3)
        pair.want_squares()
        return pair.errors

    once = errors(1)
    assert once.total == actual.size
    assert errors(2) == errors(5) == once
