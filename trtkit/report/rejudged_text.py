"""A report judged anew, as text in the manner of `trtkit run`, and as data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from trtkit.report.latency_text import count
from trtkit.report.text import described

if TYPE_CHECKING:
    from trtkit.report.rejudging import Judgement, Rejudged

__all__ = ["rejudged_data", "rejudged_lines"]

_WORDS = {True: "ok  ", False: "FAIL", None: "?   "}
_NAMES = {True: "PASS", False: "FAIL", None: "UNKNOWN"}


def rejudged_lines(rejudged: Rejudged) -> Iterator[str]:
    """A line per compared output and metric, the verdict last."""
    report = rejudged.report
    for (actual, expected), judgements in groupby(rejudged.judgements, key=lambda each: (each.actual, each.expected)):
        yield f"{actual} compared with {expected} (expected), {count(report.iterations, 'iteration')}"
        for judgement in judgements:
            yield from _judgement(judgement)
        yield ""
    if rejudged.problems:
        yield from (f"  FAIL  {problem}" for problem in rejudged.problems)
        yield ""
    yield _verdict(rejudged)


def rejudged_data(rejudged: Rejudged) -> dict[str, Any]:
    """For `--json`."""
    return {
        "path": str(rejudged.path),
        "verdict": rejudged.verdict,
        "exit_code": rejudged.exit_code,
        "verdict_of_the_run": rejudged.report.verdict,
        "comparisons": [
            {
                "actual": each.actual,
                "expected": each.expected,
                "output": each.output.name,
                "expected_output": each.output.expected_name,
                "metric": each.metric.metric,
                "verdict": "XFAIL" if each.waived else _NAMES[each.passed],
                "verdict_of_the_run": _NAMES[each.metric.passed],
                "given": dict(each.thresholds),
                "required": each.required,
                "reason": each.reason,
            }
            for each in rejudged.judgements
        ],
        "problems": list(rejudged.problems),
    }


def _judgement(each: Judgement) -> Iterator[str]:
    given = ", ".join(f"{name} {_value(value)}" for name, value in each.thresholds.items())
    before = f"{'in the run' if not given else f'{given}; in the run'}: {_WORDS[each.metric.passed].strip()}"
    word = "xfail" if each.waived else f"{_WORDS[each.passed]} "
    head = f"  {word} {described(each.output)}  {each.metric.metric}"
    yield f"{head}: {before}, {each.metric.worst.summary}"
    if each.passed is None:
        yield f"        cannot be told: {each.reason}"
    elif each.required:
        yield f"        {'would pass with ' if each.required.startswith('--') else ''}{each.required}"


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _verdict(rejudged: Rejudged) -> str:
    total = count(len(rejudged.judgements), "comparison")
    failed = sum(not each.accepted and each.passed is False for each in rejudged.judgements)
    unknown = sum(each.passed is None for each in rejudged.judgements)
    if rejudged.verdict == "PASS":
        return f"PASS: {total} judged from the report"
    if rejudged.verdict == "FAIL":
        what = [f"{failed} of {total} failed"] if failed else []
        what += [count(len(rejudged.problems), "problem")] if rejudged.problems else []
        return f"FAIL: {', '.join(what)}"
    if not unknown:
        return "cannot be told: the run stopped at the first output that failed (--fail-fast); run it again"
    return f"cannot be told: {unknown} of {total} need the outputs; run it again with these thresholds"
