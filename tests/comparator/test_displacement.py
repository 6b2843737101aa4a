from __future__ import annotations

import time
import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from trtkit.comparator import displacement
from trtkit.comparator.displacement import FAR, displacements
from trtkit.results import Array


def found(actual: Array, expected: Array) -> dict[int, int]:
    pieces = [dict(zip(at.tolist(), moved.tolist(), strict=True)) for at, moved in displacements(actual, expected)]
    assert all(pieces)
    return {at: moved for piece in pieces for at, moved in piece.items()}


def naive(actual: Array, expected: Array) -> dict[int, int]:
    length = actual.shape[-1]
    rows = zip(actual.reshape(-1, length).tolist(), expected.reshape(-1, length).tolist(), strict=True)
    moves = {}
    for number, (row, other) in enumerate(rows):
        for place in range(length):
            if row[place] != other[place]:
                distances = [abs(q - place) for q in range(length) if other[q] == row[place]]
                moves[number * length + place] = min(distances, default=FAR)
    return moves


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float32, ml_dtypes.int4, ml_dtypes.bfloat16])
@pytest.mark.parametrize(("piece", "batch"), [(1 << 16, 1 << 19), (16, 1), (3, 8), (7, 50)])
def test_against_a_naive_search(monkeypatch: pytest.MonkeyPatch, dtype: Any, piece: int, batch: int) -> None:
    monkeypatch.setattr(displacement, "CHUNK", piece)
    monkeypatch.setattr(displacement, "_BATCH", batch)
    rng = np.random.default_rng(7)
    for rows, length, values in [(3, 40, 7), (1, 300, 7), (20, 6, 7), (1, 90, 2), (40, 1, 3), (5, 12, 3)]:
        actual, expected = (rng.integers(0, values, (rows, length)).astype(dtype) for _ in "ae")
        assert found(actual, expected) == naive(actual, expected)
        turned = actual.T.copy().T, expected.T.copy().T
        assert found(*turned) == naive(actual, expected)


@pytest.mark.parametrize("piece", [1 << 16, 5])
def test_distinct_values_anywhere_in_a_long_row(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(displacement, "CHUNK", piece)
    rng = np.random.default_rng(8)
    actual, expected = rng.permutation(500)[None], rng.permutation(500)[None]
    actual[0, 77] = 1000
    moves = found(actual, expected)
    assert moves == naive(actual, expected)
    assert moves[77] == FAR


@pytest.mark.parametrize("types", [("i8", "i4"), ("u1", "i8"), ("u8", "u8"), ("i8", "u8"), ("f4", "i8")], ids=str)
@pytest.mark.parametrize("table", [1 << 24, 0])
def test_types_that_differ(monkeypatch: pytest.MonkeyPatch, types: tuple[str, str], table: int) -> None:
    monkeypatch.setattr(displacement, "_TABLE", table)
    rng = np.random.default_rng(10)
    actual, expected = (rng.permutation(100)[None].astype(dtype) for dtype in types)
    expected[0, :50] = np.iinfo(expected.dtype).max
    assert found(actual, expected) == naive(actual, expected)


def test_integers_at_the_ends_of_their_range() -> None:
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    actual, expected = np.zeros((1, 40), np.int64), np.full((1, 40), 7)
    actual[0, [0, 39]] = expected[0, [39, 0]] = low, high
    assert found(actual, expected) == naive(actual, expected)
    actual[0, 1:-1] = 7
    assert found(actual[:, ::-1], expected[:, ::-1]) == {0: 39, 39: 39}
    assert found(expected[:, :20], actual[:, 5:25] * 0 + high)[19] == FAR


def test_equal_nans_do_not_differ_and_are_found() -> None:
    nan = float("nan")
    assert found(np.array([nan, 1.0, nan]), np.array([nan, nan, 2.0])) == {1: FAR, 2: 1}
    row = np.arange(20.0)
    moved = row.copy()
    row[0] = moved[15] = nan
    assert found(moved, row) == {0: FAR, 15: 15}


def test_a_single_value_and_nothing() -> None:
    assert found(np.array(3), np.array(4)) == {0: FAR}
    assert found(np.array(3), np.array(3)) == {}
    assert found(np.zeros((2, 0)), np.zeros((2, 0))) == {}


@pytest.mark.parametrize("shape", [(-1,), (-1, 10)], ids=str)
def test_big_arrays_cost_little(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(9)
    expected = rng.permutation(2_000_000)
    actual = expected.copy()
    some = rng.choice(actual.size, actual.size // 100, replace=False)
    actual[some] = actual[rng.permutation(some)]
    tracemalloc.start()
    begin = time.perf_counter()
    try:
        moved = sum(at.size for at, _ in displacements(actual.reshape(shape), expected.reshape(shape)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert moved == np.count_nonzero(actual != expected)
    assert peak < 16e6  # two arrays of as many elements as there are take 32 MB
    assert time.perf_counter() - begin < 5
