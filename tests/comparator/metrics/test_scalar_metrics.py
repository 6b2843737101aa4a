"""l2, cosine_similarity, psnr and snr."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.metrics import load_metric
from trtkit.comparator.outcome import MetricResult

pytestmark = pytest.mark.usefixtures("computing")

NAN, INF = math.nan, math.inf
METRICS = ["l2", "cosine_similarity", "psnr", "snr"]


def check(metric: str, actual: Any, expected: Any, threshold: Any = None, dtype: Any = np.float64) -> MetricResult:
    module = load_metric(metric)
    options = module.Options() if threshold is None else module.Options(**{f"{metric}_threshold": threshold})
    return module.compare(ArrayPair("y", np.array(actual, dtype), np.array(expected, dtype)), options)


@pytest.mark.parametrize(
    ("metric", "actual", "expected", "figure"),
    [
        ("l2", [3.0, 4.0], [0.0, 0.0], 5.0),
        ("l2", [1.0], [1.0], 0.0),
        ("l2", [1e-200, 0.0], [0.0, 0.0], 1e-200),
        ("l2", [3 + 4j], [0], 5.0),
        ("l2", [], [], 0.0),
        ("l2", 2.0, 1.0, 1.0),
        ("cosine_similarity", [1.0, 0.0], [0.0, 1.0], 0.0),
        ("cosine_similarity", [1.0, 1.0], [2.0, 2.0], 1.0),
        ("cosine_similarity", [1.0, 1.0], [-2.0, -2.0], -1.0),
        ("cosine_similarity", [0.1, 0.2, 0.3], [0.1, 0.2, 0.3], 1.0),
        ("cosine_similarity", [0.0, 0.0], [0.0, 0.0], 1.0),
        ("cosine_similarity", [0.0, 0.0], [0.0, 1.0], 0.0),
        ("cosine_similarity", [1.0, 2.0], [0.0, 0.0], 0.0),
        ("cosine_similarity", [1j, 0], [1j, 0], 1.0),
        ("cosine_similarity", [1j, 0], [1, 0], 0.0),
        ("cosine_similarity", [1e-200, 0.0], [0.0, 1e-200], NAN),
        ("cosine_similarity", [1e200, 0.0], [0.0, 1e200], NAN),
        ("cosine_similarity", [], [], 1.0),
        ("psnr", [1.0, 2.0], [1.0, 2.0], INF),
        ("psnr", [1.0, 9.0], [1.0, 10.0], 20 * math.log10(10) - 10 * math.log10(0.5)),
        ("psnr", [1.0, -21.0], [1.0, -20.0], -10 * math.log10(0.5)),
        ("psnr", [-1.0, -3.0], [-2.0, -3.0], -10 * math.log10(0.5)),
        ("psnr", [], [], INF),
        ("snr", [1.0, 2.0], [1.0, 2.0], INF),
        ("snr", [3.0, 5.0], [3.0, 4.0], 10 * math.log10(25)),
        ("snr", [1.0], [0.0], -INF),
        ("snr", [1e200], [2e200], NAN),
    ],
    ids=str,
)
def test_figure(metric: str, actual: Any, expected: Any, figure: float) -> None:
    dtype = np.complex128 if np.iscomplexobj(actual) else np.float64
    result = check(metric, actual, expected, dtype=dtype)
    assert result.figures[metric] == pytest.approx(figure, rel=1e-12, abs=1e-300, nan_ok=True)
    json.dumps(result.to_data(), allow_nan=False)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_arrays_pass_the_strictest_threshold(metric: str) -> None:
    values = np.random.default_rng(0).standard_normal(1000)
    strictest = {"l2": 0.0, "cosine_similarity": 1.0, "psnr": 1e300, "snr": 1e300}[metric]
    assert check(metric, values, values, strictest, np.float32).passed


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("actual", "expected"), [(NAN, NAN), (NAN, 1), (1, NAN), (INF, INF), (INF, 1), (1, -INF)])
def test_what_is_not_finite_fails(metric: str, actual: float, expected: float) -> None:
    lenient = {"l2": INF, "cosine_similarity": -1.0, "psnr": -INF, "snr": -INF}[metric]
    result = check(metric, [1.0, actual], [1.0, expected], lenient)
    assert not result.passed
    assert math.isnan(result.figures[metric])
    assert result.required.startswith("no threshold can pass")
    assert "undefined" in result.summary


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.int64, np.complex64])
def test_the_required_threshold_passes_when_typed_back(metric: str, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    hard = {"l2": 0.0, "cosine_similarity": 1.0, "psnr": 1e3, "snr": 1e3}[metric]
    for _ in range(20):
        actual, expected = (rng.integers(-100, 100, 50).astype(dtype) for _ in "ae")
        result = check(metric, actual, expected, hard, dtype)
        assert not result.passed
        flag, value = result.required.split()
        assert flag == f"--{metric.replace('_', '-')}-threshold"
        assert check(metric, actual, expected, float(value), dtype).passed


def test_thresholds_by_output() -> None:
    assert check("l2", [1.0], [2.0], {"y": 1.0}).passed
    assert not check("l2", [1.0], [2.0], {"z": 1.0}).passed
    assert not check("l2", [1.0], [2.0], {"": 1.0, "y": 0.5}).passed


@pytest.mark.parametrize(
    ("metric", "threshold"), [("l2", 1e-5), ("cosine_similarity", 0.997), ("psnr", 30.0), ("snr", 20.0)]
)
def test_default_threshold(metric: str, threshold: float) -> None:
    assert check(metric, [1.0], [2.0]).thresholds == {"threshold": threshold}


@pytest.mark.parametrize(
    ("metric", "summary", "required"),
    [
        (
            "l2",
            "L2 1, at most 1e-05; max abs 1 at [0] (actual 2.0, expected 1.0), max rel 1",
            "--l2-threshold 1",
        ),
        (
            "psnr",
            "PSNR 3.01 dB, at least 30 dB; max abs 1 at [0] (actual 2.0, expected 1.0), max rel 1",
            "--psnr-threshold 3.01",
        ),
        (
            "cosine_similarity",
            "cosine similarity 0.949, at least 0.997; max abs 1 at [0] (actual 2.0, expected 1.0), max rel 1",
            "--cosine-similarity-threshold 0.948",
        ),
    ],
)
def test_texts(metric: str, summary: str, required: str) -> None:
    result = check(metric, [2.0, 1.0], [1.0, 1.0])
    assert (result.summary, result.required) == (summary, required)


def test_the_worst_element_is_given() -> None:
    result = check("snr", [[1.0, 5.0], [2.0, 2.0]], [[1.0, 1.0], [1.0, 2.0]])
    assert result.details["worst"]["index"] == [0, 1]
