"""What is kept of one output over all iterations: totals, and the worst result of each metric."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trtkit.comparator.metrics import METRICS, load_metric
from trtkit.comparator.outcome import MetricOutcome, MetricResult, OutputOutcome
from trtkit.comparator.records import RecordFile, Records, record

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair

__all__ = ["OutputTally"]


class _MetricTally:
    """One metric of one output."""

    def __init__(self, name: str, recorded: RecordFile | None, worst_samples: int) -> None:
        self._records = None if recorded is None else Records(recorded)
        self._metric = load_metric(name) if name in METRICS else None
        self._name = name
        self._iterations = 0
        self._failed = 0
        self._worst: tuple[MetricResult, int] | None = None
        self._worst_samples: list[tuple[bool, float, int, dict[str, Any]]] = []
        self._wanted = worst_samples
        self._sums: dict[str, tuple[float, int]] = {}
        self._hardest: dict[str, float] = {}
        self._limits: dict[str, tuple[float, float, float]] = {}

    def add(self, index: int, result: MetricResult, sample: str | None) -> None:
        self._iterations += 1
        if self._records is not None:
            self._records.add(index, sample, result)
        self._failed += not result.passed
        if self.worst_is(result):
            self._worst = (result, index)
        self._keep(index, result, sample)
        at_most = self._metric is None or self._metric.AT_MOST
        for name, figure in result.figures.items():
            if self._metric is None or figure != self._metric.PERFECT:
                total, count = self._sums.get(name, (0.0, 0))
                self._sums[name] = (total + figure, count + 1)
            hardest = self._hardest.get(name, figure)
            self._hardest[name] = max(hardest, figure) if at_most else min(hardest, figure)
        for name, limit in result.thresholds.items():
            if isinstance(limit, float):
                low, high, total = self._limits.get(name, (limit, limit, 0.0))
                self._limits[name] = (min(low, limit), max(high, limit), total + limit)

    def worst_is(self, result: MetricResult) -> bool:
        """Whether a result is worse than all before."""
        return self._worst is None or self._key(result) > self._key(self._worst[0])

    def _keep(self, index: int, result: MetricResult, sample: str | None) -> None:
        """Keep the result while it is among the worst; of equals the earlier one is."""
        rank = (*self._key(result), -index)
        if len(self._worst_samples) < self._wanted:
            heapq.heappush(self._worst_samples, (*rank, record(index, sample, result)))
        elif rank > self._worst_samples[0][:3]:
            heapq.heapreplace(self._worst_samples, (*rank, record(index, sample, result)))

    @staticmethod
    def _key(result: MetricResult) -> tuple[bool, float]:
        return not result.passed, math.inf if math.isnan(result.badness) else result.badness

    def _mean(self) -> dict[str, float]:
        mean = dict.fromkeys(self._hardest, math.inf)  # of figures that were perfect every time
        for name, (total, count) in self._sums.items():
            mean[name] = total / count
        return mean

    def _mean_thresholds(self, worst: MetricResult) -> dict[str, float | str]:
        """Thresholds for means of figures: those that follow the values of an iteration are averaged as well."""
        mean = {
            name: low if low == high else total / self._iterations for name, (low, high, total) in self._limits.items()
        }
        return {**worst.thresholds, **mean}

    def outcome(self, averaged: bool, evidence: Mapping[str, Any]) -> MetricOutcome:
        """The outcome so far; `add` was called at least once. A user's own verdict cannot be averaged."""
        assert self._worst is not None
        (worst, index), metric, mean = self._worst, self._metric, self._mean()
        averaged = averaged and metric is not None
        if averaged and metric is not None:
            thresholds = self._mean_thresholds(worst)
            passed = metric.judge(mean, thresholds)
            required = "" if passed else metric.required(mean, thresholds)
        else:
            passed = self._failed == 0
            required = worst.required
            if metric is not None and not passed and math.isfinite(worst.badness):
                required = metric.required(self._hardest, worst.thresholds)
        counts = (self._iterations, self._failed)
        samples = tuple(each for *_, each in sorted(self._worst_samples, reverse=True))
        return MetricOutcome(
            self._name,
            passed,
            averaged,
            *counts,
            worst,
            index,
            mean,
            required,
            evidence,
            worst_samples=samples,
            per_iteration=self._records,
        )


class OutputTally:
    """One output of a pair of runs.

    Args:
        name: its name on the actual side.
        expected_name: its name on the expected side.
        dtypes: actual and expected data type, as first seen.
        shape: as first seen.
        recorded: where every result is recorded, if it is.
        worst_samples: how many of the worst results of each metric are kept.
    """

    def __init__(
        self,
        name: str,
        expected_name: str,
        dtypes: tuple[str, str],
        shape: tuple[int, ...],
        recorded: RecordFile | None = None,
        worst_samples: int = 1,
    ) -> None:
        self._recorded = recorded
        self._worst_samples = worst_samples
        self._names = (name, expected_name)
        self._dtypes = dtypes
        self._shape = shape
        self._notes: dict[str, None] = {}
        self._metrics: dict[str, _MetricTally] = {}
        self._statistics: Mapping[str, Any] = {}
        self._pictures: Mapping[str, Any] | None = None

    @property
    def dtypes(self) -> tuple[str, str]:
        """Actual and expected data type, as first seen."""
        return self._dtypes

    def see(self, shape: tuple[int, ...], notes: Iterable[str]) -> None:
        """Keep what there is to remark on an iteration; each line once."""
        self._notes.update(dict.fromkeys(notes))
        if shape != self._shape:
            self._notes["shapes differ between iterations; the first is shown"] = None

    def keep_statistics(self, index: int, pair: ArrayPair) -> None:
        """Keep statistics of both arrays and the errors, of the first iteration that asks for it."""
        if self._statistics:
            return
        from trtkit.comparator.stats import error_histogram, summary

        self._statistics = {
            "iteration": index,
            "actual": summary(pair.actual).to_data(),
            "expected": summary(pair.expected).to_data(),
            "abs_error_histogram": error_histogram(pair).to_data(),
        }

    def keep_pictures(self, index: int, pair: ArrayPair, first: MetricResult, sample: str | None) -> None:
        """Keep what a page draws, where this iteration is the worst so far; called before its results are added.

        Args:
            index: the iteration.
            pair: its arrays.
            first: the result of its first metric, which decides what is worst.
            sample: the name of its feed, where it has one.
        """
        tally = self._metrics.get(first.metric)
        if tally is None or tally.worst_is(first):
            from trtkit.comparator.pictures import pictures

            self._pictures = {"iteration": index, "sample": sample, **pictures(pair)}

    def add(self, index: int, result: MetricResult, sample: str | None = None) -> None:
        """Count one result; `sample` is the name of the iteration's feed, where it has one."""
        if result.metric not in self._metrics:
            self._metrics[result.metric] = _MetricTally(result.metric, self._recorded, self._worst_samples)
        self._metrics[result.metric].add(index, result, sample)

    def outcome(
        self, averaged: bool, evidence: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    ) -> OutputOutcome:
        """The outcome so far, with evidence by metric."""
        return OutputOutcome(
            *self._names,
            *self._dtypes,
            self._shape,
            tuple(metric.outcome(averaged, evidence.get(name, {})) for name, metric in self._metrics.items()),
            tuple(self._notes),
            self._statistics,
            self._pictures,
        )
