"""Parts of a report's data in words, the same in each form that is rendered from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["metric_line", "output_name"]


def output_name(output: Mapping[str, Any]) -> str:
    """An output by its name; by both where they differ: `actual=expected`."""
    name, expected = output["name"], output["expected_name"]
    return str(name) if name == expected else f"{name}={expected}"


def metric_line(metric: Mapping[str, Any]) -> str:
    """What a metric found, with the worst element, and in which iteration where there were several."""
    line = str(metric["worst"]["summary"])
    if metric["averaged"]:
        mean = ", ".join(f"{name} {_number(value)}" for name, value in metric["mean"].items())
        return f"{line} (mean of {metric['iterations']} iterations: {mean})"
    if metric["iterations"] == 1:
        return line
    failed = f", {metric['failed']} of {metric['iterations']} failed" if metric["failed"] else ""
    return f"{line} (iteration {metric['worst_iteration']}{failed})"


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"
