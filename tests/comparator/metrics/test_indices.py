from __future__ import annotations

import json
import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.metrics import indices
from trtkit.comparator.metrics.indices import Options
from trtkit.comparator.outcome import MetricResult
from trtkit.errors import InputError


def check(actual: Any, expected: Any, tolerance: Any = None, dtype: Any = np.int64) -> MetricResult:
    options = Options() if tolerance is None else Options(index_tolerance=tolerance)
    return indices.compare(ArrayPair("y", np.array(actual, dtype), np.array(expected, dtype)), options)


@pytest.mark.parametrize(
    ("actual", "expected", "needed"),
    [
        ([0, 1, 2], [0, 1, 2], 0),
        ([0, 1, 2], [1, 0, 2], 1),
        ([0, 1, 2], [1, 2, 0], 2),
        ([0, 1, 7], [0, 1, 2], 1),
        ([0, 7, 2], [0, 1, 2], 2),
        ([7, 1, 2], [0, 1, 2], math.inf),
        ([[0, 1], [2, 3]], [[0, 1], [2, 3]], 0),
        ([[0, 1], [2, 3]], [[0, 1], [3, 2]], 1),
        ([[0, 1], [2, 3]], [[2, 3], [0, 1]], math.inf),
        ([5, 5, 1, 2], [5, 1, 5, 2], 1),
        (3, 3, 0),
        (3, 4, math.inf),
        ([], [], 0),
    ],
    ids=str,
)
def test_the_tolerance_that_is_needed(actual: Any, expected: Any, needed: float) -> None:
    result = check(actual, expected)
    assert result.figures == {"index_tolerance": needed}
    assert result.passed == (needed == 0)
    json.dumps(result.to_data(), allow_nan=False)


def naive(actual: Any, expected: Any, tolerance: int) -> bool:
    for row, other in zip(actual, expected, strict=True):
        for place in range(len(row) - tolerance):
            if not any(row[place] == other[q] for q in range(len(other)) if abs(q - place) <= tolerance):
                return False
    return True


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.float32, ml_dtypes.int4, ml_dtypes.bfloat16])
def test_against_a_naive_search(dtype: Any) -> None:
    rng = np.random.default_rng(2)
    for _ in range(60):
        rows, length = rng.integers(1, 4), rng.integers(2, 7)
        actual, expected = (rng.integers(0, 5, (rows, length)).astype(dtype) for _ in "ae")
        for tolerance in range(length):
            result = check(actual, expected, int(tolerance), dtype)
            assert result.passed == naive(actual, expected, int(tolerance))
            if not result.passed and not result.required.startswith("no "):
                flag, value = result.required.split()
                assert flag == "--index-tolerance"
                assert check(actual, expected, int(value), dtype).passed


def test_the_worst_index() -> None:
    result = check([[0, 1, 2, 3], [0, 1, 2, 3]], [[0, 1, 3, 2], [2, 1, 0, 3]])
    assert result.details == {
        "elements": 8,
        "mismatching": 4,
        "worst": {"index": [1, 0], "actual": 0, "expected": 2, "moved": 2},
    }
    assert result.summary == ("4 of 8 indices beyond tolerance 0; worst 0 at [1,0] moved by 2 (expected 2 there)")
    assert result.required == "--index-tolerance 2"


def test_a_missing_index() -> None:
    result = check([[9, 1]], [[0, 1]])
    assert "worst 9 at [0,0] is missing on the expected side" in result.summary
    assert result.required.startswith("no index tolerance can pass")


def test_mixed_64_bit_types_are_told_apart() -> None:
    pair = ArrayPair("y", np.array([-1, 2**62 + 1]), np.array([2**64 - 1, 2**62 + 1], np.uint64))
    assert not indices.compare(pair, Options()).passed
    assert indices.compare(ArrayPair("y", pair.actual[1:], pair.expected[1:]), Options()).passed


def test_many_rows_and_pieces() -> None:
    expected = np.tile(np.arange(10), (20_000, 1))
    actual = expected.copy()
    actual[19_999] = np.roll(actual[19_999], 3)
    result = check(actual, expected)
    assert result.details["worst"]["index"] == [19_999, 0]
    assert result.figures["index_tolerance"] == 7.0


def test_a_tolerance_that_leaves_nothing_to_compare() -> None:
    with pytest.raises(InputError, match="tolerance of 3 leaves nothing to compare in rows of 3"):
        check([1, 2, 3], [4, 5, 6], 3)


def test_tolerance_by_output() -> None:
    assert check([0, 1, 2], [1, 0, 2], {"y": 1}).passed
    assert not check([0, 1, 2], [1, 0, 2], {"z": 1}).passed
