"""The worst iterations of an output, kept in bounded memory."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtkit
from trtkit import CompareOptions, RunPlan
from trtkit.comparator.compare import PairComparator
from trtkit.comparator.outcome import MetricOutcome, MetricResult
from trtkit.comparator.tally import OutputTally
from trtkit.report import render
from trtkit.report.reading import read_report
from trtkit.results import Iteration


def compared(errors: list[float], count: int = 3, **more: Any) -> MetricOutcome:
    """The outcome of iterations that are off by these, the second with a name."""
    options = CompareOptions(worst_samples=count, metrics={"simple": {"atol": 0.5, "rtol": 0}}, **more)
    comparator = PairComparator("a", "b", options)
    for index, error in enumerate(errors):
        actual, expected = (Iteration({"y": np.array([1.0, value])}) for value in (1.0 + error, 1.0))
        comparator.compare(index, actual, expected, "dog.jpg" if index == 1 else None)
    return comparator.outcome().outputs[0].metrics[0]


@pytest.mark.parametrize(
    ("errors", "order"),
    [
        ([0.1, 0.3, 0.2, 0.0], [1, 2, 0]),
        ([0.1, 0.9, 0.2, 0.8], [1, 3, 2]),
        ([0.9, math.nan, math.inf, 0.1], [1, 2, 0]),
        ([0.25, 0.25, 0.25, 0.25, 0.25], [0, 1, 2]),
        ([0.2, 0.1], [0, 1]),
    ],
    ids=["all pass", "failed first", "not finite first", "equals", "few"],
)
def test_order(errors: list[float], order: list[int]) -> None:
    outcome = compared(errors)
    assert [each["iteration"] for each in outcome.worst_samples] == order
    assert outcome.worst_iteration == order[0]
    assert [each["sample"] for each in outcome.worst_samples] == ["dog.jpg" if index == 1 else None for index in order]
    assert [each["passed"] for each in outcome.worst_samples] == [abs(errors[index]) <= 0.5 for index in order]


def test_what_is_told_of_each() -> None:
    (worst,) = compared([0.0, 0.25], 1).worst_samples
    assert worst == {
        "iteration": 1,
        "sample": "dog.jpg",
        "passed": True,
        "figures": {"required_atol": 0.25, "required_rtol": 0.0},
        "thresholds": {"atol": 0.5, "rtol": 0.0, "check_error_stat": "elemwise"},
        "worst": {"index": [1], "actual": 1.25, "expected": 1.0, "abs_error": 0.25, "rel_error": 0.25},
    }


def test_they_are_there_beside_an_average() -> None:
    outcome = compared([0.9, 0.1, 0.0], check_average=True)
    assert outcome.passed
    assert [(each["iteration"], each["passed"]) for each in outcome.worst_samples] == [(0, False), (1, True), (2, True)]


def test_metrics_whose_figures_fall() -> None:
    options = CompareOptions(compare=["psnr"], worst_samples=2)
    comparator = PairComparator("a", "b", options)
    for index, error in enumerate([1e-3, 1e-1, 1e-2]):
        actual, expected = (Iteration({"y": np.linspace(value, 1, 9)}) for value in (error, 0))
        comparator.compare(index, actual, expected)
    samples = comparator.outcome().outputs[0].metrics[0].worst_samples
    assert [each["iteration"] for each in samples] == [1, 2]


def test_memory_does_not_grow() -> None:
    def results(count: int) -> Iterator[MetricResult]:
        return (MetricResult("custom", False, {"value": 1.0}, {}, {}, "", badness=float(i)) for i in range(count))

    tally = OutputTally("y", "y", ("float32", "float32"), (1,), worst_samples=3)
    for index, result in enumerate(results(100)):
        tally.add(index, result)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for index, result in enumerate(results(20_000)):
        tally.add(100 + index, result, f"sample {index}")
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 10_000
    samples = tally.outcome(False).metrics[0].worst_samples
    assert [each["sample"] for each in samples] == ["sample 19999", "sample 19998", "sample 19997"]


def test_at_least_one() -> None:
    with pytest.raises(trtkit.TrtkitError, match="--worst-samples 0: at least one is listed"):
        CompareOptions(worst_samples=0)


def saved(folder: str, *values: float) -> None:
    trtkit.save_outputs([{"y": np.array([value], np.float32)} for value in values], folder)


def test_in_the_text(in_tmp: Any) -> None:
    saved("a.npz", 1.0, 1.5, 1.25)
    saved("b.npz", 1.0, 1.0, 1.0)
    report = trtkit.run(RunPlan(load_outputs=["a.npz", "b.npz"], compare=CompareOptions(worst_samples=2)))
    lines = report.text().splitlines()
    begin = lines.index("        worst samples")
    assert lines[begin + 1 : begin + 3] == [
        "          iteration 1: failed, required_atol 0.5, required_rtol 0.5",
        "          iteration 2: failed, required_atol 0.25, required_rtol 0.25",
    ]
    assert "iteration" not in lines[begin + 3]
    passed = trtkit.run(RunPlan(load_outputs=["b.npz", "b.npz"]))
    assert "worst samples" not in passed.text()
    assert "worst samples" in passed.text(detail=True)


def test_a_report_from_before_they_were_kept(in_tmp: Any) -> None:
    saved("a.npz", 1.0, 1.5)
    saved("b.npz", 1.0, 1.0)
    report = trtkit.run(RunPlan(load_outputs=["a.npz", "b.npz"], save=trtkit.SaveOptions(report="r.json")))
    data = json.loads(Path("r.json").read_text())
    assert "Worst samples" in render(data, ".md")
    del data["pairs"][0]["outputs"][0]["metrics"][0]["worst_samples"]
    Path("r.json").write_text(json.dumps(data))
    found, _ = read_report(Path("r.json"))
    assert found.verdict_text() == report.verdict_text()
    assert "worst samples" not in found.text()
    assert "Worst samples" not in render(data, ".md")


def test_one_iteration_needs_no_list(in_tmp: Any) -> None:
    saved("a.npz", 1.5)
    saved("b.npz", 1.0)
    report = trtkit.run(RunPlan(load_outputs=["a.npz", "b.npz"]))
    assert "worst samples" not in report.text(detail=True)
    assert len(report.pairs[0].outputs[0].metrics[0].worst_samples) == 1
