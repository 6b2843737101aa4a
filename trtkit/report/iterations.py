"""The figures of a metric over many iterations, in few enough points to draw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trtkit.comparator.metrics import METRICS, load_metric

__all__ = ["MOST_POINTS", "iteration_series"]

MOST_POINTS = 300

_INFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def iteration_series(metric: Mapping[str, Any]) -> dict[str, Any] | None:
    """What there is to draw of a metric's iterations; None where there is one only, or they were not recorded.

    Args:
        metric: of a report's data; its `per_iteration` may be any collection, and is gone through once.

    Returns:
        `per`: how many iterations a point stands for, in their order; `failed`: how many of these failed, by point;
        `figures`: by name, for each point the figure that is hardest to pass; `samples`: names of feeds, where a point
        is one iteration and some have names.
    """
    records = metric["per_iteration"]
    if records is None or metric["iterations"] < 2:
        return None
    per = -(-metric["iterations"] // MOST_POINTS)
    name = metric["metric"]
    at_most = name not in METRICS or load_metric(name).AT_MOST
    failed: list[int] = []
    figures: dict[str, list[float]] = {}
    samples: list[str | None] = []
    for number, record in enumerate(records):
        first = number % per == 0
        if first:
            failed.append(0)
            samples.append(record["sample"])
        failed[-1] += not record["passed"]
        for key, value in record["figures"].items():
            points = figures.setdefault(key, [])
            points += [math.nan] * (len(failed) - len(points))
            points[-1] = _harder(points[-1], _number(value), at_most)
    found: dict[str, Any] = {"per": per, "failed": failed, "figures": figures}
    return found | {"samples": samples} if per == 1 and any(samples) else found


def _number(value: float | str) -> float:
    """A figure with as many digits as can be seen."""
    return _INFINITE[value] if isinstance(value, str) else float(f"{value:.5g}")


def _harder(one: float, other: float, at_most: bool) -> float:
    if math.isnan(one) or math.isnan(other):
        return other if math.isnan(one) else one
    return max(one, other) if at_most else min(one, other)
