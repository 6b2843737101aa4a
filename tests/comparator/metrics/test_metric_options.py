"""The table of metrics, and what all their options have in common."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.metrics import GROUPS, METRICS, expand_metrics, load_metric
from trtkit.comparator.metrics.values import named_outputs, round_down, round_up, value_for
from trtkit.errors import UsageError
from trtkit.options import options_of, parse_option


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_all_members_and_compares(name: str) -> None:
    metric = load_metric(name)
    values = np.arange(12, dtype=np.float32).reshape(2, 6)
    result = metric.compare(ArrayPair("y", values, values.copy()), metric.Options())
    assert (result.metric, result.passed, result.required) == (name, True, "")
    assert metric.judge(result.figures, result.thresholds)
    assert isinstance(metric.AT_MOST, bool)
    other = metric.compare(ArrayPair("y", values[:, ::-1], values), metric.Options())
    assert not other.passed
    assert not metric.judge(other.figures, other.thresholds)
    assert metric.required(other.figures, other.thresholds)
    assert other.badness > result.badness
    assert other.details["worst"]


@pytest.mark.parametrize("name", METRICS)
def test_every_flag_has_help(name: str) -> None:
    for _, meta in options_of(load_metric(name).Options):
        assert meta.flags
        assert meta.help
        assert not meta.help.endswith(".")


@pytest.mark.parametrize(
    ("names", "expanded"),
    [
        (["simple"], ("simple",)),
        (["distance_metrics"], ("l2", "cosine_similarity")),
        (["quality_metrics", "snr"], ("psnr", "snr")),
        (["l2", "distance_metrics", "l2"], ("l2", "cosine_similarity")),
    ],
    ids=str,
)
def test_groups(names: list[str], expanded: tuple[str, ...]) -> None:
    assert expand_metrics(names) == expanded


def test_groups_hold_metrics() -> None:
    assert {metric for group in GROUPS.values() for metric in group} <= set(METRICS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cosine", "unknown metric 'cosine' (known: simple,"),
        ("sinple", "unknown metric 'sinple'; did you mean 'simple'?"),
        ("perceptual_metrics", "is left out of trtkit"),
    ],
)
def test_unknown_metric(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_metric(name)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "field", "value", "message"),
    [
        ("simple", "atol", -1.0, "--atol: invalid value '-1.0': expected a number of at least 0"),
        ("simple", "rtol", math.nan, "--rtol: invalid value 'nan': expected a number of at least 0"),
        ("simple", "atol", {"y": -1}, "--atol: invalid value 'y:-1': expected a number of at least 0"),
        ("simple", "atol", "1e-3", "--atol: invalid value '1e-3': expected a number of at least 0"),
        ("simple", "atol", True, "--atol: invalid value 'True': expected a number of at least 0"),
        (
            "simple",
            "check_error_stat",
            "medain",
            "--check-error-stat: invalid value 'medain': expected one of elemwise, max, mean, median, quantile; "
            "did you mean 'median' or 'mean'?",
        ),
        ("simple", "error_quantile", 1.5, "--error-quantile: invalid value '1.5': expected a number from 0 to 1"),
        (
            "indices",
            "index_tolerance",
            0.5,
            "--index-tolerance: invalid value '0.5': expected a whole number of at least 0",
        ),
        (
            "indices",
            "index_tolerance",
            -1,
            "--index-tolerance: invalid value '-1': expected a whole number of at least 0",
        ),
        ("l2", "l2_threshold", -1, "--l2-threshold: invalid value '-1': expected a number of at least 0"),
        (
            "cosine_similarity",
            "cosine_similarity_threshold",
            1.1,
            "--cosine-similarity-threshold: invalid value '1.1': expected a number from -1 to 1",
        ),
        ("psnr", "psnr_threshold", math.nan, "--psnr-threshold: invalid value 'nan': expected a number"),
        ("snr", "snr_threshold", math.nan, "--snr-threshold: invalid value 'nan': expected a number"),
        ("topk", "topk_k", 0, "--topk-k: invalid value '0': expected a whole number of at least 1"),
        ("topk", "topk_axis", 0.5, "--topk-axis: invalid value '0.5': expected a whole number"),
        ("topk", "topk_threshold", 2, "--topk-threshold: invalid value '2': expected a number from 0 to 1"),
    ],
)
def test_wrong_values(name: str, field: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_metric(name).Options(**{field: value})
    assert str(caught.value) == message


def test_a_quantile_that_nothing_uses() -> None:
    with pytest.raises(UsageError, match="--error-quantile has no effect"):
        load_metric("simple").Options(error_quantile=0.9)


@pytest.mark.parametrize(
    ("name", "field", "texts", "value"),
    [
        ("simple", "atol", ["1e-3"], {"": 1e-3}),
        ("simple", "atol", ["1e-3", "y:1e-2", "a:b:0.5"], {"": 1e-3, "y": 1e-2, "a:b": 0.5}),
        ("simple", "check_error_stat", ["y:MAX"], {"y": "max"}),
        ("topk", "topk_k", ["3", "y:1"], {"": 3, "y": 1}),
    ],
    ids=str,
)
def test_parsing(name: str, field: str, texts: list[str], value: Any) -> None:
    kind = load_metric(name).Options
    meta = {entry.name: meta for entry, meta in options_of(kind)}[field]
    parsed = parse_option(meta, texts, meta.flags[0])
    assert parsed == value
    assert getattr(kind(**{field: parsed}), field) == value


def test_bare_numbers_of_numpy_are_numbers() -> None:
    assert load_metric("simple").Options(atol=np.float32(0.5)).atol == {"": 0.5}


@pytest.mark.parametrize(
    ("values", "value"), [({}, 7), (3, 3), ({"": 2}, 2), ({"y": 1}, 1), ({"": 2, "y": 0}, 0), ({"z": 1}, 7)], ids=str
)
def test_value_for(values: Any, value: int) -> None:
    assert value_for(values, "y", 7) == value


def test_named_outputs() -> None:
    options = load_metric("simple").Options(atol={"": 1, "y": 2}, rtol={"z": 3})
    assert named_outputs(options) == {"y": "--atol", "z": "--rtol"}


@pytest.mark.parametrize(
    ("value", "up", "down"),
    [
        (0.0, "0", "0"),
        (1.0, "1", "1"),
        (1.01, "1.1", "1.01"),
        (0.00031234, "0.00032", "0.000312"),
        (3.1e-7, "3.1e-7", "3.09e-7"),
        (99.5, "100", "99.5"),
        (1234567.0, "1.3e+6", "1.23e+6"),
        (-1.239, "-1.2", "-1.24"),
        (5e-324, "5e-324", "4.94e-324"),
    ],
    ids=str,
)
def test_rounding(value: float, up: str, down: str) -> None:
    assert (round_up(value), round_down(value)) == (up, down)
    assert float(round_down(value)) <= value <= float(round_up(value))


def test_what_the_command_line_imports_does_not_import_numpy() -> None:
    code = (
        "import sys; from trtkit.comparator.options import CompareOptions; CompareOptions(); "
        "from trtkit.comparator.metrics import METRICS, load_metric; "
        "[load_metric(name).Options() for name in METRICS]; "
        "import trtkit.comparator.pairing, trtkit.comparator.outcome, trtkit.comparator.postprocess; "
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
