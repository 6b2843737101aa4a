"""What a comparison found, as data: plain Python values only, no arrays and no numpy scalars.

`to_data()` gives what `json.dumps(..., allow_nan=False)` accepts (`trtkit.plain_data`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trtkit.plain_data import plain

if TYPE_CHECKING:
    from trtkit.waivers import Waiver

__all__ = ["IterationOutcome", "MetricOutcome", "MetricResult", "OutputOutcome", "OutputResult", "PairOutcome"]


class _Verdict:
    """What passed or did not, and is true or false accordingly, so that `assert compare(...)` means what it says."""

    if TYPE_CHECKING:

        @property
        def passed(self) -> bool:
            """Whether it passed; a field of some subclasses, derived in others."""

    def __bool__(self) -> bool:
        """Whether it passed."""
        return self.passed


@dataclass(frozen=True)
class MetricResult(_Verdict):
    """What one metric says of one output in one iteration.

    Attributes:
        metric: its name in `trtkit.comparator.metrics.METRICS`, or `custom`.
        passed: the metric's verdict.
        figures: the numbers that were judged.
        thresholds: what they were judged against.
        details: what else there is to know: counts, maxima and means, and under `worst` the worst element with its
            index, both values and both errors.
        summary: one line for people.
        required: where it failed, the options that would let it pass, or why none would; else empty.
        badness: orders the results of one metric, larger is worse.
    """

    metric: str
    passed: bool
    figures: Mapping[str, float]
    thresholds: Mapping[str, float | str]
    details: Mapping[str, Any]
    summary: str
    required: str = ""
    badness: float = 0.0

    def to_data(self) -> dict[str, Any]:
        """The result as JSON-ready data, without `badness`."""
        return {
            "metric": self.metric,
            "passed": self.passed,
            "figures": plain(self.figures),
            "thresholds": plain(self.thresholds),
            "details": plain(self.details),
            "summary": self.summary,
            "required": self.required,
        }


@dataclass(frozen=True)
class OutputResult(_Verdict):
    """The metrics of one output in one iteration.

    Attributes:
        name: the output's name on the actual side.
        expected_name: its name on the expected side.
        results: one per metric, in the order in which they were asked for.
    """

    name: str
    expected_name: str
    results: tuple[MetricResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every metric passed."""
        return all(result.passed for result in self.results)

    def to_data(self) -> dict[str, Any]:
        """The result as JSON-ready data."""
        return {
            "name": self.name,
            "expected_name": self.expected_name,
            "passed": self.passed,
            "metrics": [result.to_data() for result in self.results],
        }


@dataclass(frozen=True)
class IterationOutcome(_Verdict):
    """What comparing one iteration found.

    Attributes:
        index: which iteration.
        outputs: one result per output that could be compared.
        problems: one line per thing that could not be.
        passed: no problem, and every metric passed (which is not asked where the average is judged at the end).
    """

    index: int
    outputs: tuple[OutputResult, ...]
    problems: tuple[str, ...]
    passed: bool

    def to_data(self) -> dict[str, Any]:
        """The outcome as JSON-ready data."""
        return {
            "index": self.index,
            "passed": self.passed,
            "outputs": [output.to_data() for output in self.outputs],
            "problems": list(self.problems),
        }


@dataclass(frozen=True)
class MetricOutcome(_Verdict):
    """One metric of one output over all iterations.

    Attributes:
        metric: its name.
        passed: no iteration failed; or, with `averaged`, the mean of the figures passed.
        averaged: the verdict is on `mean`, not on the single iterations.
        iterations: how many were compared.
        failed: how many of them failed by themselves.
        worst: the worst result; with its iteration's index in `worst_iteration`.
        mean: the mean of each figure. For a figure whose perfect value is infinite (PSNR and SNR of equal arrays),
            perfect iterations are left out, unless all are perfect.
        required: where it failed, the options that would let it pass, or why none would.
        waived: where it failed, the waiver that expects it to; `passed` is False nevertheless.
        expired_waiver: where it failed and is not waived, the waiver that expected it until some day.
        worst_samples: the worst iterations, as `per_iteration` has them: what failed first, the worst first.
        per_iteration: the results of single iterations, JSON-ready (docs/report.md); None where they were not recorded.
        evidence: what other thresholds can be judged by, as JSON-ready data (`trtkit.comparator.evidence`); empty where
            that was not asked for.
    """

    metric: str
    passed: bool
    averaged: bool
    iterations: int
    failed: int
    worst: MetricResult
    worst_iteration: int
    mean: Mapping[str, float]
    required: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    waived: Waiver | None = None
    expired_waiver: Waiver | None = None
    worst_samples: tuple[Mapping[str, Any], ...] = ()
    per_iteration: Iterable[Mapping[str, Any]] | None = None

    @property
    def accepted(self) -> bool:
        """Whether it does not make the run fail: it passed, or failed as a waiver expects."""
        return self.passed or self.waived is not None

    def to_data(self) -> dict[str, Any]:
        """The outcome as JSON-ready data, but that `per_iteration` is as it is."""
        return {
            "metric": self.metric,
            "passed": self.passed,
            "averaged": self.averaged,
            "iterations": self.iterations,
            "failed": self.failed,
            "worst": self.worst.to_data(),
            "worst_iteration": self.worst_iteration,
            "mean": plain(self.mean),
            "required": self.required,
            "evidence": plain(self.evidence),
            "waived": None if self.waived is None else self.waived.to_data(),
            "expired_waiver": None if self.expired_waiver is None else self.expired_waiver.to_data(),
            "worst_samples": [dict(each) for each in self.worst_samples],
            "per_iteration": self.per_iteration,
        }


@dataclass(frozen=True)
class OutputOutcome(_Verdict):
    """One output over all iterations.

    Attributes:
        name, expected_name: its names on the actual and on the expected side.
        actual_dtype, expected_dtype, shape: as first seen (the shape of the actual side); empty for the verdict of a
            user's function on all outputs together.
        metrics: one outcome per metric, in the order in which they were asked for.
        notes: one-line remarks that do not fail anything, such as `compared float16 with float32`.
        statistics: where it failed and detail was asked for, of the first such iteration: its index, a summary of
            either array, and the histogram of absolute errors; as JSON-ready data. Else empty.
        pictures: what a page draws of the errors, of the worst iteration by the first metric: its index, the name of
            its feed, and what `trtkit.comparator.pictures` gives; None where that was not asked for.
    """

    name: str
    expected_name: str
    actual_dtype: str
    expected_dtype: str
    shape: tuple[int, ...]
    metrics: tuple[MetricOutcome, ...]
    notes: tuple[str, ...] = ()
    statistics: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Any] | None = None

    @property
    def passed(self) -> bool:
        """Whether every metric passed, or failed as a waiver expects, and there was one."""
        return bool(self.metrics) and all(metric.accepted for metric in self.metrics)

    def to_data(self) -> dict[str, Any]:
        """The outcome as JSON-ready data."""
        return {
            "name": self.name,
            "expected_name": self.expected_name,
            "passed": self.passed,
            "actual_dtype": self.actual_dtype,
            "expected_dtype": self.expected_dtype,
            "shape": list(self.shape),
            "metrics": [metric.to_data() for metric in self.metrics],
            "notes": list(self.notes),
            "statistics": dict(self.statistics),
            "pictures": None if self.pictures is None else dict(self.pictures),
        }


@dataclass(frozen=True)
class PairOutcome(_Verdict):
    """One run compared with another over all iterations.

    Attributes:
        actual, expected: names of the runs.
        iterations: how many were compared.
        outputs: one outcome per output that was compared.
        problems: one line per thing that could not be compared; any of them is a failure.
        mapped: the actual names of the `--map-outputs` entries that were used.
    """

    actual: str
    expected: str
    iterations: int
    outputs: tuple[OutputOutcome, ...]
    problems: tuple[str, ...]
    mapped: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether something was compared, nothing was left out, and every output passed."""
        return bool(self.outputs) and not self.problems and all(output.passed for output in self.outputs)

    def to_data(self) -> dict[str, Any]:
        """The outcome as JSON-ready data."""
        return {
            "actual": self.actual,
            "expected": self.expected,
            "passed": self.passed,
            "iterations": self.iterations,
            "outputs": [output.to_data() for output in self.outputs],
            "problems": list(self.problems),
        }
