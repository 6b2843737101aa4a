from __future__ import annotations

import itertools
import json
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.metrics import topk
from trtkit.comparator.metrics.topk import Options
from trtkit.comparator.outcome import MetricResult
from trtkit.errors import InputError

NAN = float("nan")


def check(actual: Any, expected: Any, dtype: Any = np.float32, **options: Any) -> MetricResult:
    return topk.compare(ArrayPair("y", np.array(actual, dtype), np.array(expected, dtype)), Options(**options))


@pytest.mark.parametrize(
    ("actual", "expected", "k", "share"),
    [
        ([1, 2, 3], [1, 2, 3], 1, 1.0),
        ([3, 2, 1], [1, 2, 3], 1, 0.0),
        ([1, 3, 2], [1, 2, 3], 2, 1.0),
        ([[1, 2, 3], [3, 2, 1]], [[1, 2, 3], [1, 2, 3]], 1, 0.5),
        ([1, 2, 2], [1, 2, 3], 1, 0.0),
        ([1, 2, 2], [1, 3, 2], 1, 1.0),
        ([1, 2, 3], [1, 3, 3], 1, 1.0),
        ([5, 5, 5, 5], [1, 2, 3, 4], 2, 0.0),
        ([5, 5, 5, 5], [4, 3, 2, 1], 2, 0.0),
        ([1, 2, 3, 4], [5, 5, 5, 5], 2, 1.0),
        ([7, 7, 7, 7], [5, 5, 5, 5], 2, 1.0),
        ([[0, 0, 0], [0, 1, 0]], [[5, 5, 5], [0, 2, 0]], 1, 1.0),
        ([5, 5, 1, 1], [1, 1, 5, 5], 1, 0.0),
        ([3, 2, 2, 0], [3, 0, 2, 2], 2, 0.0),
        ([3, 0, 2, 2], [3, 2, 2, 0], 2, 1.0),
        ([3, 2, 0, 0], [3, 0, 2, 0], 2, 0.0),
        (np.zeros((0, 9)), np.zeros((0, 9)), 1, 1.0),
    ],
    ids=str,
)
def test_share(actual: Any, expected: Any, k: int, share: float) -> None:
    result = check(actual, expected, topk_k=k)
    assert result.figures == {"topk": share}
    assert result.passed == (share == 1)
    json.dumps(result.to_data(), allow_nan=False)


def answers(row: list[int], k: int) -> set[frozenset[int]]:
    """Every set of K positions that nothing outside of it exceeds."""
    return {
        frozenset(chosen)
        for chosen in itertools.combinations(range(len(row)), k)
        if min(row[i] for i in chosen) >= max(row[i] for i in range(len(row)) if i not in chosen)
    }


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint64, np.bool_, ml_dtypes.bfloat16, ml_dtypes.int4])
def test_a_row_agrees_when_the_actual_choice_is_an_answer_on_the_expected_side(dtype: Any) -> None:
    rng = np.random.default_rng(4)
    for _ in range(150):
        k = int(rng.integers(1, 4))
        actual, expected = (rng.integers(0, 4, 5).astype(dtype) for _ in "ae")
        left, right = actual.astype(int).tolist(), expected.astype(int).tolist()
        chosen = frozenset(sorted(range(5), key=lambda place: (-left[place], place))[:k])
        silent = len(set(left)) == 1 < len(set(right))
        assert check(actual, expected, dtype, topk_k=k).passed == (chosen in answers(right, k) and not silent)


@pytest.mark.parametrize("k", [1, 5, 500])
def test_a_dead_network_fails(k: int) -> None:
    alive = np.random.default_rng(5).random((1, 1000))
    dead = np.full_like(alive, 0.001)
    result = check(dead, alive, topk_k=k)
    assert not result.passed
    assert result.required == "no threshold above 0 can pass: no row agrees"
    assert check(alive, dead, topk_k=k).passed


@pytest.mark.parametrize(
    ("actual", "expected", "rows"),
    [
        ([[NAN, 1, 0]], [[NAN, 1, 0]], 1),
        ([[2, 1, 0]], [[2, NAN, 0]], 1),
        ([[NAN, 1, 0]], [[2, 1, 0]], 1),
        ([[NAN] * 3, [2, 1, 0]], [[NAN] * 3, [2, 1, 0]], 1),
        ([[NAN] * 3] * 2, [[2, 1, 0]] * 2, 2),
    ],
    ids=str,
)
def test_a_row_with_nan_fails_whatever_the_threshold(actual: Any, expected: Any, rows: int) -> None:
    for dtype in (np.float32, ml_dtypes.bfloat16):
        result = check(actual, expected, dtype, topk_k=1, topk_threshold=0)
        assert not result.passed
        assert f"; {rows} with NaN;" in result.summary
        assert result.required == "no threshold can pass: a row holds NaN, which has no order"
        assert result.details["rows_with_nan"] == rows
        json.dumps(result.to_data(), allow_nan=False)


@pytest.mark.parametrize("axis", [0, 1, -1, -3])
def test_axis(axis: int) -> None:
    rng = np.random.default_rng(6)
    actual, expected = rng.random((6, 7, 8)), rng.random((6, 7, 8))
    best = [np.moveaxis(array, axis, -1).argmax(-1) for array in (actual, expected)]
    result = check(actual, expected, topk_k=1, topk_axis=axis)
    assert result.figures["topk"] == pytest.approx((best[0] == best[1]).mean())
    first = np.argwhere(best[0] != best[1])[0]
    assert result.details["worst"] == {
        "row": first.tolist(),
        "actual": [int(best[0][tuple(first)])],
        "expected": [int(best[1][tuple(first)])],
    }


def test_texts_and_threshold() -> None:
    arrays = np.eye(9)[:, ::-1].copy(), np.eye(9)
    result = check(*arrays, topk_k=1)
    assert result.summary == (
        "top-1 agrees in 1 of 9 rows, at least 1; first that does not: [0], actual [8], expected [0]"
    )
    assert result.required == "--topk-threshold 0.111"
    assert check(*arrays, topk_k=1, topk_threshold=0.111).passed
    assert result.thresholds == {"threshold": 1.0, "k": 1, "axis": -1}


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((2, 5), {}, r"only 5 elements along axis -1, so its top-5 is always the same; give a smaller --topk-k"),
        ((2, 9), {"topk_axis": 2}, r"'y' of shape \[2,9\] has no axis 2"),
        ((), {}, r"'y' of shape \[\] has no axis -1"),
    ],
    ids=str,
)
def test_what_would_say_nothing(shape: tuple[int, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check(np.zeros(shape), np.zeros(shape), **options)


def test_complex_numbers_have_no_order() -> None:
    with pytest.raises(InputError, match="no order"):
        check(np.zeros(9), np.zeros(9), np.complex64)


def test_values_by_output() -> None:
    assert check([1, 2, 3], [3, 2, 1], topk_k={"y": 2}, topk_threshold={"y": 0}).passed
    assert not check([1, 2, 3], [3, 2, 1], topk_k={"": 2}, topk_threshold={"z": 0}).passed
