"""What a report keeps of an output so that other thresholds can be judged later, exactly, without its arrays.

By metric, as JSON-ready data. All have

    fail_fast       the run was to stop at the first output that fails, so what passed may not be all there was
    thresholds      name to the least and the largest value over all iterations

`simple` also has

    elements        the frontier (`trtkit.comparator.frontier`) of all elements of all iterations
    max, mean       the frontiers of these statistics, each iteration being a point
    statistic       that of the statistic judged, where it is another, with its `name` and perhaps `error_quantile`
    unmatched, equal_infinities     how many elements have no error; the latter match with `infinities_compare_equal`

and the others

    hardest         name to the figure that is hardest to pass of all iterations; NaN where one was NaN
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from trtkit.comparator.metrics import METRICS, load_metric

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.comparator.frontier import Frontier
    from trtkit.comparator.options import CompareOptions
    from trtkit.comparator.outcome import MetricResult

__all__ = ["Evidence"]


class Evidence:
    """Of one output over all iterations."""

    def __init__(self, options: CompareOptions) -> None:
        self._options = options
        self._limits: dict[str, dict[str, list[float]]] = {}
        self._hardest: dict[str, dict[str, float]] = {}
        self._frontiers: dict[str, Frontier] = {}
        self._statistic: dict[str, Any] = {}
        self._unmatched = self._infinities = 0

    def prepare(self, pair: ArrayPair) -> None:
        """Have the pair's sweep find out what is kept."""
        if "simple" in self._options.metrics:
            pair.want_frontier(self._frontier("elements"))

    def see(self, pair: ArrayPair, results: Iterable[MetricResult]) -> None:
        """Take in one iteration."""
        for result in results:
            if result.metric not in METRICS:
                continue
            limits = self._limits.setdefault(result.metric, {})
            for name, value in result.thresholds.items():
                if isinstance(value, float):
                    low, high = limits.get(name, [value, value])
                    limits[name] = [min(low, value), max(high, value)]
            if result.metric == "simple":
                self._see_simple(pair, result)
                continue
            at_most = load_metric(result.metric).AT_MOST
            hardest = self._hardest.setdefault(result.metric, {})
            for name, figure in result.figures.items():
                both = (hardest.get(name, figure), figure)
                nan = any(math.isnan(each) for each in both)
                hardest[name] = math.nan if nan else max(both) if at_most else min(both)

    def to_data(self) -> dict[str, dict[str, Any]]:
        """By metric."""
        found: dict[str, dict[str, Any]] = {}
        for metric, limits in self._limits.items():
            found[metric] = {"fail_fast": self._options.fail_fast, "thresholds": limits}
            if metric in self._hardest:
                found[metric]["hardest"] = self._hardest[metric]
            if metric == "simple":
                found[metric] |= {name: frontier.to_data() for name, frontier in self._frontiers.items()}
                if "statistic" in self._frontiers:
                    found[metric]["statistic"] |= self._statistic
                found[metric] |= {
                    "unmatched": self._unmatched,
                    "equal_infinities": self._infinities,
                    "infinities_compare_equal": self._options.metrics["simple"].infinities_compare_equal,
                }
        return found

    def _see_simple(self, pair: ArrayPair, result: MetricResult) -> None:
        import numpy as np

        errors = pair.errors
        self._unmatched += errors.unmatched
        self._infinities += errors.equal_infinities
        points = {"max": (errors.max_abs, errors.max_rel)} if pair.size else {}
        if pair.size:
            points["mean"] = (errors.sum_abs / pair.size, errors.sum_rel / pair.size)
        name = result.thresholds["check_error_stat"]
        if name in ("median", "quantile"):
            points["statistic"] = (result.figures["required_atol"], result.figures["required_rtol"])
            share = {key: result.thresholds[key] for key in ("error_quantile",) if key in result.thresholds}
            self._statistic = {"name": name, **share}
        for key, (error, ratio) in points.items():
            self._frontier(key).add(np.array([error]), np.array([ratio]))

    def _frontier(self, name: str) -> Frontier:
        from trtkit.comparator.frontier import Frontier  # with numpy

        return self._frontiers.setdefault(name, Frontier())
