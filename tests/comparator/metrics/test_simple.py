from __future__ import annotations

import json
import math
import shlex
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.metrics import simple
from trtkit.comparator.metrics.simple import Options
from trtkit.comparator.outcome import MetricResult
from trtkit.dtypes import numpy_dtype

pytestmark = pytest.mark.usefixtures("computing")

NAN, INF = math.nan, math.inf


def check(actual: Any, expected: Any, dtype: Any = np.float32, **options: Any) -> MetricResult:
    pair = ArrayPair("y", np.array(actual, dtype), np.array(expected, dtype))
    return simple.compare(pair, Options(**options))


@pytest.mark.parametrize(
    ("actual", "expected", "options", "passed"),
    [
        ([1.0], [1.0], {}, True),
        ([1.0], [1.000005], {}, True),
        ([1.0], [1.00002], {}, False),
        ([100.0], [100.0005], {}, True),
        ([1e-6], [2e-6], {}, True),
        ([0.0], [1e-4], {}, False),
        ([1.0], [1.5], {"atol": 0.5}, True),
        ([1.0], [1.5], {"atol": 0.4999}, False),
        ([3.0], [2.0], {"rtol": 0.5}, True),
        ([2.0], [3.0], {"rtol": 0.32}, False),
        ([0.0], [0.0], {"atol": 0, "rtol": 0}, True),
        ([1e-30], [0.0], {"atol": 0, "rtol": 1e9}, False),
        ([-0.0], [0.0], {"atol": 0, "rtol": 0}, True),
        (1.0, 1.0, {}, True),
        (1.0, 2.0, {}, False),
        ([], [], {}, True),
        ([[], []], [[], []], {"check_error_stat": "median"}, True),
        ([1.0, 9.0], [1.0, 1.0], {"check_error_stat": "median"}, False),
        ([1.0, 1.0, 9.0], [1.0, 1.0, 1.0], {"check_error_stat": "median"}, True),
        ([1.0, 9.0], [1.0, 1.0], {"check_error_stat": "mean", "atol": 4}, True),
        ([1.0, 9.0], [1.0, 1.0], {"check_error_stat": "mean", "atol": 3.9}, False),
        ([1.0, 9.0], [1.0, 1.0], {"check_error_stat": "mean", "rtol": 4}, True),
        ([1.5, 2e-9], [1.0, 1e-9], {"atol": 0.1, "rtol": 0.6}, True),
        ([1.5, 2e-9], [1.0, 1e-9], {"atol": 0.1, "rtol": 0.6, "check_error_stat": "max"}, False),
        ([0.0] * 99 + [9.0], [0.0] * 100, {"check_error_stat": "quantile", "error_quantile": 0.9}, True),
        ([0.0] * 99 + [9.0], [0.0] * 100, {"check_error_stat": "quantile"}, False),
        ([0.0] * 9 + [9.0], [1.0] * 10, {"check_error_stat": "quantile", "error_quantile": 1, "atol": 8}, True),
        ([5.0, 1.0], [1.0, 1.0], {"atol": {"y": 4}}, True),
        ([5.0, 1.0], [1.0, 1.0], {"atol": {"z": 4}}, False),
        ([5.0, 1.0], [1.0, 1.0], {"atol": {"": 1, "y": 4}}, True),
        ([5.0, 1.0], [1.0, 1.0], {"atol": {"": 4, "y": 1}}, False),
    ],
    ids=str,
)
def test_verdict(actual: Any, expected: Any, options: dict[str, Any], passed: bool) -> None:
    assert check(actual, expected, **options).passed is passed


@pytest.mark.parametrize("statistic", ["elemwise", "max", "mean", "median", "quantile"])
@pytest.mark.parametrize(
    ("actual", "expected", "equal_infinities", "passed"),
    [
        (NAN, NAN, False, True),
        (NAN, 1, False, False),
        (1, NAN, True, False),
        (INF, INF, False, False),
        (INF, INF, True, True),
        (-INF, -INF, True, True),
        (INF, -INF, True, False),
        (INF, 1, True, False),
        (1, INF, True, False),
        (NAN, INF, True, False),
    ],
    ids=str,
)
def test_not_finite(statistic: str, actual: float, expected: float, equal_infinities: bool, passed: bool) -> None:
    options: dict[str, Any] = {"infinities_compare_equal": equal_infinities, "check_error_stat": statistic}
    for dtype in ("float32", "float16", "bfloat16", "float64", "complex64"):
        values = [1.0] * 9
        result = check([*values, actual], [*values, expected], numpy_dtype(dtype), atol=1e30, rtol=INF, **options)
        assert result.passed is passed, dtype
        assert passed or result.details["worst"]["index"] == [9]
        json.dumps(result.to_data(), allow_nan=False)


@pytest.mark.parametrize(
    ("dtype", "actual", "expected", "passed"),
    [
        ("float16", 1.0, 1 + 2**-6, True),
        ("float16", 1.0, 1 + 2**-5, False),
        ("bfloat16", 1.0, 1 + 2**-3, True),
        ("bfloat16", 1.0, 1 + 2**-2, False),
        ("float8_e4m3fn", 8.0, 9.0, True),
        ("float8_e4m3fn", 8.0, 10.0, False),
        ("float4_e2m1fn", 4.0, 6.0, True),
        ("int32", 3, 4, False),
        ("int64", 2**60, 2**60 + 1, False),
        ("bool", True, False, False),
        ("int4", 7, 7, True),
    ],
)
def test_default_tolerances(dtype: str, actual: float, expected: float, passed: bool) -> None:
    assert check([actual], [expected], numpy_dtype(dtype)).passed is passed


@pytest.mark.parametrize(
    ("dtype", "expected", "atol"),
    [
        ("bfloat16", [0.25, -0.5], 2**-4),
        ("bfloat16", [0.25, 1.0], 2**-3),
        ("bfloat16", [0.25, -300.0], 2**-3),
        ("float16", [0.25, 0.125], 2**-8),
        ("float16", [0.25, INF, NAN], 2**-8),
        ("float16", [INF, NAN], 2**-6),
        ("float16", [0.0, 0.0], 0.0),
        ("float16", [], 2**-6),
        ("float8_e5m2", [0.25, 0.5], 0.125),
        ("float32", [0.25, 0.5], 1e-5),
        ("float64", [1e-9], 1e-5),
        ("complex64", [1e-9j], 1e-5),
        ("int32", [0, 0], 0.0),
    ],
    ids=str,
)
def test_the_default_atol_of_narrow_floats_follows_the_expected_values(
    dtype: str, expected: list[float], atol: float
) -> None:
    result = check(expected, expected, numpy_dtype(dtype))
    assert result.thresholds["atol"] == atol
    assert f"atol {atol:g}, rtol " in result.summary
    assert check(expected, expected, numpy_dtype(dtype), atol={"y": 0.5}).thresholds["atol"] == 0.5
    assert check(expected, expected, numpy_dtype(dtype), atol={"z": 0.5}).thresholds["atol"] == atol


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e5m2"])
def test_zeros_are_no_probabilities(dtype: str) -> None:
    logits = np.random.default_rng(3).normal(size=(1, 1000))
    probabilities = np.exp(logits) / np.exp(logits).sum()
    assert not check(np.zeros((1, 1000)), probabilities, numpy_dtype(dtype)).passed
    assert not check(probabilities, np.zeros((1, 1000)), numpy_dtype(dtype)).passed
    assert check(probabilities, probabilities, numpy_dtype(dtype)).passed


def test_the_scale_is_that_of_all_pieces() -> None:
    expected = np.full(200_000, 2.0**-7, np.float16)
    expected[-1] = 0.5
    assert check(expected, expected, np.float16).thresholds["atol"] == 2**-7


def test_the_coarser_of_two_types_counts() -> None:
    pair = ArrayPair("y", np.array([1.01], np.float16), np.array([1.0], np.float32))
    result = simple.compare(pair, Options())
    assert result.passed
    assert result.thresholds == {"atol": 2**-6, "rtol": 2**-6, "check_error_stat": "elemwise"}


def test_one_given_tolerance_leaves_the_other_at_its_default() -> None:
    assert check([1.0], [1.0], np.float16, atol=0.5).thresholds["rtol"] == 2**-6


def test_a_passing_result() -> None:
    result = check([[1.0, 1.5]], [[1.0, 1.500001]])
    assert result.summary == (
        "max abs 9.54e-07 at [0,1] (actual 1.5, expected 1.500001), max rel 6.36e-07; atol 1e-05, rtol 1e-05"
    )
    assert (result.passed, result.required) == (True, "")
    assert result.details["mismatching"] == 0


def test_a_failing_result() -> None:
    result = check([1.0, 2.0, 1.1], [1.0, 1.0, 1.0])
    assert result.summary == (
        "2 of 3 elements differ; max abs 1 at [1] (actual 2.0, expected 1.0), max rel 1; atol 1e-05, rtol 1e-05"
    )
    assert result.required == "--atol 1 or --rtol 1"
    assert result.to_data() == {
        "metric": "simple",
        "passed": False,
        "figures": {"required_atol": 1.0, "required_rtol": 1.0},
        "thresholds": {"atol": 1e-5, "rtol": 1e-5, "check_error_stat": "elemwise"},
        "details": {
            "elements": 3,
            "mismatching": 2,
            "max_abs": 1.0,
            "mean_abs": pytest.approx(1.1 / 3),
            "max_rel": 1.0,
            "mean_rel": pytest.approx(1.1 / 3),
            "nan_actual": 0,
            "nan_expected": 0,
            "inf_actual": 0,
            "inf_expected": 0,
            "worst": {"index": [1], "actual": 2.0, "expected": 1.0, "abs_error": 1.0, "rel_error": 1.0},
        },
        "summary": result.summary,
        "required": "--atol 1 or --rtol 1",
    }


def test_the_worst_element_is_one_that_fails() -> None:
    result = check([1e6 + 1, 0.5], [1e6, 0.25])
    assert result.details["worst"]["index"] == [1]
    assert result.details["max_abs"] == 1.0
    assert "worst abs 0.25 at [1]" in result.summary


@pytest.mark.parametrize(
    ("actual", "expected", "options", "required"),
    [
        ([3.1234], [3.0], {}, "--atol 0.13 or --rtol 0.042"),
        ([1e-3], [0.0], {}, "--atol 0.0011"),
        ([300.0], [0.0], {}, "--atol 300"),
        ([1e-7], [2e-7], {"atol": 0}, "--atol 1.1e-7 or --rtol 0.5"),
        ([1.0, NAN], [2.0, 1.0], {}, "no tolerance can pass: an error is NaN or infinite"),
        ([1.0, INF], [1.0, INF], {}, "--infinities-compare-equal"),
        ([2.0, INF], [1.0, INF], {}, "--infinities-compare-equal with --atol 1 or --rtol 1"),
        ([1.0, 9.0], [1.0, 1.0], {"check_error_stat": "mean"}, "--atol 4 or --rtol 4"),
    ],
    ids=str,
)
def test_required(actual: Any, expected: Any, options: dict[str, Any], required: str) -> None:
    assert check(actual, expected, **options).required == required


def test_int64_values_are_told_exactly() -> None:
    result = check([2**62 + 1], [2**62], np.int64)
    assert result.details["worst"] | {"rel_error": 0} == {
        "index": [0],
        "actual": 2**62 + 1,
        "expected": 2**62,
        "abs_error": 1.0,
        "rel_error": 0,
    }
    assert result.required.startswith("--atol 1 or ")


def test_empty_says_so() -> None:
    assert check([], []).summary == "0 elements; atol 1e-05, rtol 1e-05"


def test_equal_infinities_that_are_allowed_are_no_mismatch() -> None:
    result = check([INF], [INF], infinities_compare_equal=True)
    assert result.details["mismatching"] == 0
    assert result.summary.startswith("max abs 0 at [0] (actual inf, expected inf)")


def test_quantiles_are_numpys() -> None:
    rng = np.random.default_rng(5)
    actual, expected = rng.random(1001), rng.random(1001) + 0.5
    error = np.abs(actual - expected)
    for share in (0.0, 0.123, 0.5, 0.99, 1.0):
        result = check(actual, expected, np.float64, check_error_stat="quantile", error_quantile=share)
        assert result.figures["required_atol"] == pytest.approx(np.quantile(error, share), rel=1e-12)
        assert result.figures["required_rtol"] == pytest.approx(np.quantile(error / expected, share), rel=1e-12)


ARRAYS = st.sampled_from(["float32", "float64", "float16", "int32", "int64", "uint8"]).flatmap(
    lambda dtype: st.tuples(
        *[hnp.arrays(dtype, 5, elements=hnp.from_dtype(np.dtype(dtype), allow_nan=False, allow_infinity=False))] * 2
    )
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    arrays=ARRAYS,
    statistic=st.sampled_from(["elemwise", "max", "mean", "median", "quantile"]),
    atol=st.sampled_from([0.0, 1e-5, 0.5]),
    rtol=st.sampled_from([0.0, 1e-5, 0.5]),
)
def test_the_required_tolerance_passes_when_typed_back(
    arrays: tuple[Any, Any], statistic: str, atol: float, rtol: float
) -> None:
    given_options = {"atol": atol, "rtol": rtol, "check_error_stat": statistic}
    result = check(*arrays, arrays[0].dtype, **given_options)
    if result.passed or all(map(math.isinf, result.figures.values())):  # e.g. a sum that leaves float64
        return
    for way in result.required.split(" or "):
        flag, value = shlex.split(way)
        again = check(*arrays, arrays[0].dtype, **given_options | {flag.removeprefix("--"): float(value)})
        assert again.passed, way


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(arrays=ARRAYS.filter(lambda pair: pair[0].dtype.name in ("float32", "float16", "int32")))
def test_the_worst_element_is_the_naive_one(arrays: tuple[Any, Any]) -> None:
    actual, expected = (array.astype(np.float64) for array in arrays)
    error = np.abs(actual - expected)
    with np.errstate(all="ignore"):
        ratio = np.where(error == 0, 0, error / np.abs(expected))
    result = check(*arrays, arrays[0].dtype, atol=0.5, rtol=0.1)
    beyond = (error > 0.5) & (ratio > 0.1)
    worst = int((np.where(beyond, error, -1) if beyond.any() else error).argmax())
    assert result.passed == (not beyond.any())
    assert result.details["mismatching"] == beyond.sum()
    assert result.details["worst"]["index"] == [worst]
    assert result.details["worst"]["abs_error"] == error[worst]
