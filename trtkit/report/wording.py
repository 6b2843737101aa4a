"""Parts of a report's data in words, the same in each form that is rendered from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "iteration_name",
    "metric_line",
    "metric_verdict",
    "output_name",
    "sample_line",
    "size_text",
    "waiver_line",
]


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
    sample = metric["worst_samples"][0]["sample"] if metric["worst_samples"] else None
    return f"{line} ({iteration_name(metric['worst_iteration'], sample)}{failed})"


def iteration_name(index: int, sample: str | None) -> str:
    """`iteration 3`, or `iteration 3, dog.jpg` where its feed has a name."""
    return f"iteration {index}" + ("" if sample is None else f", {sample}")


def sample_line(sample: Mapping[str, Any]) -> str:
    """One of the worst iterations of a metric: which, the verdict, and the figures that were judged."""
    figures = ", ".join(f"{name} {_number(value)}" for name, value in sample["figures"].items())
    verdict = "passed" if sample["passed"] else "failed"
    return f"{iteration_name(sample['iteration'], sample['sample'])}: {verdict}" + (f", {figures}" if figures else "")


def metric_verdict(metric: Mapping[str, Any]) -> str:
    """`PASS`, `FAIL`, or `XFAIL` for a failure that a waiver expects."""
    if metric["passed"]:
        return "PASS"
    return "FAIL" if metric["waived"] is None else "XFAIL"


def size_text(size: int) -> str:
    """Bytes with three significant digits and a binary unit: `512 B`, `44.7 MiB`."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1000 or unit == "GiB":
            return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"
        value /= 1024
    raise AssertionError(size)


def waiver_line(metric: Mapping[str, Any]) -> str:
    """Why a failure is waived and until when, or that the waiver has expired; empty where there is none."""
    if metric["waived"] is not None:
        return f"waived until {metric['waived']['expires']}: {metric['waived']['reason']}"
    expired = metric["expired_waiver"]
    return "" if expired is None else f"the waiver expired on {expired['expires']}: {expired['reason']}"


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"
