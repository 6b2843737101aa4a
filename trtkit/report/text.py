"""The report as text: what each runner took, one line per compared output and metric, the verdict last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trtkit.report.latency_text import count, duration, runner_lines
from trtkit.report.wording import iteration_name, sample_line
from trtkit.tensors import shape_text

if TYPE_CHECKING:
    from trtkit.comparator.outcome import MetricOutcome, OutputOutcome, PairOutcome
    from trtkit.report.model import Report, RunnerReport
    from trtkit.waivers import Waiver

__all__ = ["count", "described", "duration", "render", "verdict_line"]


def render(report: Report, detail: bool = False) -> str:
    """The whole report; with `detail`, figures of every metric, and statistics of what failed."""
    lines = [*runner_lines(report.runners), *_precisions(report.runners)]
    for pair in report.pairs:
        lines += ["", *_pair(pair, detail)]
    if report.problems:
        lines += ["", *(f"  FAIL  {problem}" for problem in report.problems)]
    if report.unneeded_waivers:
        lines += [
            "",
            *(
                f"  warning: waiver no longer needed: {_waiver(each.waiver)}: {each.why}"
                for each in report.unneeded_waivers
            ),
        ]
    lines += [verdict_line(report)] if not report.pairs and not report.problems else ["", verdict_line(report)]
    return "\n".join(lines)


def _precisions(runners: Sequence[RunnerReport]) -> Iterator[str]:
    """What each engine that was built computes in."""
    for runner in runners:
        if runner.precision is not None:
            yield f"{runner.name}  precision: {runner.precision.text()}"


def verdict_line(report: Report) -> str:
    """PASS or FAIL with what it rests on; or that nothing was compared, or why the run did not come to its end."""
    iterations = count(report.iterations, "iteration")
    if report.error is not None:
        return f"ERROR: {report.error.message}"
    if report.verdict == "RAN":
        return f"ran; nothing was compared ({count(len(report.runners), 'result')}, {iterations})"
    metrics = [metric for pair in report.pairs for output in pair.outputs for metric in output.metrics]
    waived = sum(metric.waived is not None for metric in metrics)
    expected = f", {count(waived, 'expected failure')}" if waived else ""
    outputs = sum(len(pair.outputs) for pair in report.pairs)
    if report.verdict == "PASS":
        if not report.pairs:
            return f"PASS: no NaN and no infinity ({count(len(report.runners), 'result')}, {iterations})"
        compared = count(outputs, "output")
        return f"PASS: {compared} compared in {count(len(report.pairs), 'pair')} of results, {iterations}{expected}"
    failed = sum(not metric.accepted for metric in metrics)
    problems = len(report.problems) + sum(len(pair.problems) for pair in report.pairs)
    what = [f"{failed} of {count(len(metrics), 'comparison')} failed"] if failed else []
    what += [count(problems, "problem")] if problems else []
    return f"FAIL: {', '.join(what) or 'nothing could be compared'}{expected} ({iterations})"


def _pair(pair: PairOutcome, detail: bool) -> Iterator[str]:
    yield f"{pair.actual} compared with {pair.expected} (expected), {count(pair.iterations, 'iteration')}"
    for output in pair.outputs:
        for metric in output.metrics:
            yield from _metric(output, metric, pair.iterations, detail)
        if detail and output.statistics:
            yield from _statistics(output.statistics)
    for problem in pair.problems:
        yield f"  FAIL  {problem}"


def _metric(output: OutputOutcome, metric: MetricOutcome, iterations: int, detail: bool) -> Iterator[str]:
    word = "ok   " if metric.passed else "FAIL " if metric.waived is None else "xfail"
    yield f"  {word} {described(output)}  {metric.metric}: {metric.worst.summary}{_where(metric, iterations)}"
    if not metric.passed and metric.required:
        would = "would pass with " if metric.required.startswith("--") else ""
        yield f"        {would}{metric.required}"
    if metric.waived is not None:
        yield f"        waived until {metric.waived.expires}: {_waiver(metric.waived)}"
    if metric.expired_waiver is not None:
        yield f"        its waiver expired after {metric.expired_waiver.expires}: {_waiver(metric.expired_waiver)}"
    for note in output.notes:
        yield f"        {note}"
    yield from _worst_samples(metric, detail)
    if detail:
        yield f"        {_figures(metric.worst.details)}"


def _worst_samples(metric: MetricOutcome, detail: bool) -> Iterator[str]:
    """The worst of several iterations, where the metric failed or detail is wanted."""
    if len(metric.worst_samples) > 1 and (detail or not metric.passed):
        yield "        worst samples"
        yield from (f"          {sample_line(sample)}" for sample in metric.worst_samples)


def _waiver(waiver: Waiver) -> str:
    return f"{' '.join(waiver.reason.split())} ({waiver.place})"


def _statistics(data: Mapping[str, Any]) -> Iterator[str]:
    """Statistics of both sides and the histogram of errors, of one iteration."""
    for side in ("actual", "expected"):
        each = data[side]
        names = ("minimum", "maximum", "mean", "std", "nan", "infinite")
        yield f"        {side:8} " + ", ".join(f"{name} {_number(each[name])}" for name in names)
    histogram = data["abs_error_histogram"]
    yield f"        histogram of absolute errors, iteration {data['iteration']}"
    most = max(histogram["counts"], default=0) or 1
    for low, high, number in zip(histogram["edges"], histogram["edges"][1:], histogram["counts"], strict=False):
        bar = "#" * round(40 * number / most)
        yield f"        {_number(low):>10} to {_number(high):<10} {number:>10}  {bar}".rstrip()
    if histogram["left_out"]:
        yield f"        without a finite error {histogram['left_out']:>12}"


def _number(value: float | str | None) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value)


def described(output: OutputOutcome) -> str:
    """An output's name, or both of them, with data type and shape."""
    name = output.name if output.name == output.expected_name else f"{output.name}={output.expected_name}"
    if not output.actual_dtype:
        return name
    return f"{name}  {output.actual_dtype}{shape_text(output.shape)}"


def _where(metric: MetricOutcome, iterations: int) -> str:
    """Which of several iterations the figures are from."""
    if metric.averaged:
        mean = ", ".join(f"{name} {value:.3g}" for name, value in metric.mean.items())
        return f" (mean of {iterations} iterations: {mean})"
    if iterations == 1:
        return ""
    failed = f", {metric.failed} of {iterations} failed" if metric.failed else ""
    sample = metric.worst_samples[0]["sample"] if metric.worst_samples else None
    return f" (worst: {iteration_name(metric.worst_iteration, sample)}{failed})"


def _figures(details: Mapping[str, object]) -> str:
    plain = {name: value for name, value in details.items() if isinstance(value, (int, float, str))}
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in plain.items()
    )
