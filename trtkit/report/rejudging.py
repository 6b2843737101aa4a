"""A saved report judged by other thresholds, from what it holds alone. A verdict is exact, or it is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.comparator.metrics import load_metric
from trtkit.comparator.metrics.values import named_outputs, value_for
from trtkit.errors import FileError, InputError
from trtkit.options import changed_flags, options_of
from trtkit.report.reading import read_report
from trtkit.suggest import did_you_mean, listing

if TYPE_CHECKING:
    from trtkit.comparator.frontier import Frontier
    from trtkit.comparator.outcome import MetricOutcome, OutputOutcome
    from trtkit.report.model import Report

__all__ = ["Judgement", "Rejudged", "Unknown", "rejudge"]

_THRESHOLDS = {
    "topk_k": "k",
    "topk_axis": "axis",
    "index_tolerance": "index_tolerance",
}
"""Option to the threshold of a result that it sets, where that is not called `threshold`."""

_FIXED = ("k", "axis")
"""Thresholds that say what was measured, rather than how it is judged."""


class Unknown(Exception):  # noqa: N818 - it is an answer
    """The report does not tell; the message says why."""


@dataclass(frozen=True)
class Judgement:
    """One metric of one output.

    Attributes:
        actual, expected: the runs.
        output: as in the report.
        metric: as in the report.
        passed: the verdict; None where the report does not tell.
        thresholds: those that were given now; empty where the verdict of the run stands.
        reason: why there is no verdict.
        required: what would let it pass.
    """

    actual: str
    expected: str
    output: OutputOutcome
    metric: MetricOutcome
    passed: bool | None
    thresholds: Mapping[str, Any]
    reason: str = ""
    required: str = ""

    @property
    def waived(self) -> bool:
        """Whether it fails as a waiver of the run expects."""
        return self.passed is False and self.metric.waived is not None

    @property
    def accepted(self) -> bool:
        """Whether it does not make the verdict fail: it passes, or fails as a waiver expects."""
        return self.passed is True or self.waived


@dataclass(frozen=True)
class Rejudged:
    """A report, judged anew.

    Attributes:
        path: its file.
        report: the report.
        judgements: in its order.
    """

    path: Path
    report: Report
    judgements: tuple[Judgement, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What made the run fail whatever the thresholds are."""
        return (*(line for pair in self.report.pairs for line in pair.problems), *self.report.problems)

    @property
    def verdict(self) -> str:
        """FAIL where something fails, else UNKNOWN where something cannot be told, else PASS."""
        if self.problems or any(each.passed is False and not each.accepted for each in self.judgements):
            return "FAIL"
        return "PASS" if all(each.accepted for each in self.judgements) and not self.stopped else "UNKNOWN"

    @property
    def stopped(self) -> bool:
        """Whether the run ended at the first output that failed, so that the report does not hold all."""
        early = any(each.metric.evidence.get("fail_fast") for each in self.judgements)
        return early and self.report.verdict == "FAIL"

    @property
    def exit_code(self) -> int:
        """0, 1, or 3 where it cannot be told."""
        return {"PASS": 0, "FAIL": 1, "UNKNOWN": 3}[self.verdict]


def rejudge(path: str | Path, options: Mapping[str, Any], tolerances: str | None = None) -> Rejudged:
    """Judge a saved report by other thresholds; those that are not given stay as they were.

    Args:
        path: what `--save-accuracy-results` wrote.
        options: by metric, its Options with what is given.
        tolerances: a file with tolerances of `simple`; outputs that it does not name keep theirs.

    Raises:
        FileError: a file cannot be read.
        InputError: the run ended in an error, or the report compares nothing, or not by a metric or an output that
            thresholds are given for.
    """
    path = Path(path)
    report, _ = read_report(path)
    outcomes = [(pair, output, metric) for pair in report.pairs for output in pair.outputs for metric in output.metrics]
    if report.error is not None:
        raise InputError(f"{str(path)!r} is the report of a run that ended in an error: {report.error.message}")
    if not outcomes and not report.problems and not any(pair.problems for pair in report.pairs):
        raise InputError(f"{str(path)!r} is the report of a run that compared nothing, so there is nothing to judge")
    given = dict(options)
    if tolerances is not None:
        from trtkit.comparator.tolerance_file import merged

        given["simple"] = merged(given.get("simple") or load_metric("simple").Options(), tolerances)
    _check_known(given, [(output.name, metric.metric) for _, output, metric in outcomes], tolerances)
    try:
        judgements = tuple(
            _judged(pair.actual, pair.expected, output, metric, given.get(metric.metric), report)
            for pair, output, metric in outcomes
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FileError(f"cannot read {str(path)!r}: the report is damaged") from error
    return Rejudged(path, report, judgements)


def _check_known(given: Mapping[str, Any], known: list[tuple[str, str]], tolerances: str | None) -> None:
    """Raise InputError where thresholds are for a metric or an output that the report does not have."""
    metrics = dict.fromkeys(metric for _, metric in known)
    for metric, options in given.items():
        flags = changed_flags(options)
        if flags and metric not in metrics:
            flag = f"--tolerances {tolerances}" if metric == "simple" and tolerances is not None else flags[0]
            raise InputError(
                f"{flag} is for the metric {metric!r}, which the report does not have ({listing(metrics)})"
            )
        outputs = dict.fromkeys(output for output, name in known if name == metric)
        for name, flag in named_outputs(options).items():
            if name not in outputs:
                raise InputError(
                    f"{flag} names the output {name!r}, which the report does not have{did_you_mean(name, outputs)} "
                    f"(outputs: {listing(outputs)})"
                )


def _judged(
    actual: str, expected: str, output: OutputOutcome, metric: MetricOutcome, options: Any, report: Report
) -> Judgement:
    changes = {} if options is None else _changes(options, output.name)
    if not changes:
        return Judgement(actual, expected, output, metric, metric.passed, {}, required=metric.required)
    required = ""
    try:
        evidence = metric.evidence
        if not evidence:
            raise Unknown("the report was saved without what that needs")
        if metric.metric == "simple":
            passed, required = _simple(metric, changes)
        else:
            passed = _scalar(output, metric, changes)
        if passed and evidence["fail_fast"] and report.verdict == "FAIL":
            raise Unknown("the run stopped at the first output that failed (--fail-fast)")
    except Unknown as unknown:
        return Judgement(actual, expected, output, metric, None, changes, str(unknown))
    return Judgement(actual, expected, output, metric, passed, changes, required="" if passed else required)


def _changes(options: Any, output: str) -> dict[str, Any]:
    """The thresholds that are given for an output, by their names in results."""
    found: dict[str, Any] = {}
    for field, _ in options_of(type(options)):
        value = getattr(options, field.name)
        own = value_for(value, output, None) if isinstance(value, Mapping) else value or None
        if own is not None:
            name = field.name if hasattr(options, "atol") else _THRESHOLDS.get(field.name, "threshold")
            found[name] = own
    return found


def _scalar(output: OutputOutcome, metric: MetricOutcome, changes: Mapping[str, Any]) -> bool:
    """The verdict of a metric with one figure."""
    for name in _FIXED:
        if name in changes and changes[name] != metric.worst.thresholds[name]:
            raise Unknown(f"another {name} needs the outputs")
    if "index_tolerance" in changes:
        length = output.shape[-1] if output.shape else 1
        if math.prod(output.shape) and changes["index_tolerance"] >= length:
            raise InputError(
                f"output {output.name!r}: an index tolerance of {changes['index_tolerance']} leaves nothing to compare "
                f"in rows of {length}; give a smaller --index-tolerance"
            )
    figures: Mapping[str, float] = metric.mean if metric.averaged else metric.evidence["hardest"]
    if any(math.isnan(figure) for figure in figures.values()):
        return False
    return load_metric(metric.metric).judge(figures, {**metric.worst.thresholds, **changes})


def _simple(metric: MetricOutcome, changes: Mapping[str, Any]) -> tuple[bool, str]:
    """The verdict of `simple`, and what would let it pass."""
    evidence, before = metric.evidence, metric.worst.thresholds
    equal = bool(changes.get("infinities_compare_equal", evidence["infinities_compare_equal"]))
    if evidence["unmatched"]:
        return False, "no tolerance can pass: an error is NaN or infinite"
    if evidence["equal_infinities"] and not equal:
        return False, "--infinities-compare-equal"
    statistic = changes.get("check_error_stat", before["check_error_stat"])
    share = changes.get("error_quantile", before.get("error_quantile", 0.99)) if statistic == "quantile" else None
    limits = {
        name: [float(changes[name])] * 2 if name in changes else evidence["thresholds"][name]
        for name in ("atol", "rtol")
    }
    if metric.averaged and metric.iterations > 1:
        return _simple_mean(metric, statistic, share, limits, equal), ""
    points = _frontier(metric, statistic, share, equal)
    judge = points.verdict if statistic == "elemwise" else points.verdict_of_figures
    verdicts = [judge(limits["atol"][place], limits["rtol"][place]) for place in (0, 1)]
    if verdicts[0]:
        return True, ""
    if verdicts[1] is False:
        atol, rtol = points.required_atol(limits["rtol"][1]), points.required_rtol(limits["atol"][1])
        return False, load_metric("simple").required({"required_atol": atol, "required_rtol": rtol}, {})
    if limits["atol"][0] != limits["atol"][1]:
        raise Unknown("the absolute tolerance follows each iteration's values; give --atol")
    raise Unknown("the report keeps too few of the errors to tell tolerances so close to them")


def _simple_mean(
    metric: MetricOutcome, statistic: str, share: float | None, limits: Mapping[str, list[float]], equal: bool
) -> bool:
    """The verdict where means over iterations are judged, which the report has for the statistic of the run alone."""
    before = metric.worst.thresholds
    same = statistic == before["check_error_stat"] and share == before.get("error_quantile")
    if statistic == "elemwise" or not same or (equal and metric.evidence["equal_infinities"]):
        raise Unknown("the run judged the mean over iterations, which other tolerances change (--check-average)")
    if any(low != high for low, high in limits.values()):
        raise Unknown("the absolute tolerance follows each iteration's values; give --atol")
    return load_metric("simple").judge(metric.mean, {name: low for name, (low, _) in limits.items()})


def _frontier(metric: MetricOutcome, statistic: str, share: float | None, equal: bool) -> Frontier:
    from trtkit.comparator.frontier import Frontier

    evidence = metric.evidence
    key = {"elemwise": "elements", "max": "max", "mean": "mean"}.get(statistic, "statistic")
    if key == "statistic":
        kept = evidence.get("statistic", {})
        if (kept.get("name"), kept.get("error_quantile")) != (statistic, share):
            raise Unknown(f"the {statistic} of the errors needs the outputs")
        if equal and evidence["equal_infinities"] and not evidence["infinities_compare_equal"]:
            raise Unknown(f"the {statistic} of the errors beside infinities needs the outputs")
    return Frontier.from_data(evidence[key]) if key in evidence else Frontier()
