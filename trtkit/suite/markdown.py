"""A suite's report as Markdown that fits a job's summary: the jobs that did not pass first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trtkit.report.latency_text import count, duration
from trtkit.report.markdown import LIMIT
from trtkit.report.markdown_text import as_code, as_text
from trtkit.report.wording import metric_line, metric_verdict, output_name, waiver_line
from trtkit.suite.verdicts import GOOD, SIGNS, VERDICTS

__all__ = ["rendered"]

_DETAILS = 300_000
"""Bytes of the whole for the outputs that fail."""

_HEADS = {"PASS": "✅", "FAIL": "❌", "ERROR": "💥"}


def rendered(data: Mapping[str, Any]) -> str:
    """The report as text of at most `LIMIT` bytes in UTF-8; what does not fit is counted."""
    text = data["verdict_text"].partition(": ")[2]
    lines = [
        f"## {_HEADS[data['verdict']]} {data['verdict']}",
        "",
        as_text(text),
        "",
        f"Suite {as_code(data['suite'])}",
    ]
    lines += ["", "| | job | verdict | time | |", "| --- | --- | --- | ---: | --- |"]
    details = list(_failures(data["jobs"]))
    size = sum(len(line.encode()) + 1 for line in (*lines, *details)) + 1000
    jobs = sorted(data["jobs"], key=lambda job: (job["verdict"] in GOOD, VERDICTS.index(job["verdict"])))
    lines += _bounded((_row(job) for job in jobs), len(jobs), LIMIT - size, "job")
    return "\n".join([*lines, *details]).rstrip() + "\n"


def _row(job: Mapping[str, Any]) -> str:
    time = "before" if job["resumed"] else duration(job["seconds"]) if job["attempts"] else ""
    cells = (SIGNS[job["verdict"]], as_code(job["name"]), job["verdict"], time, as_text(job["message"]))
    return f"| {' | '.join(cells)} |"


def _failures(jobs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The outputs that fail, and the problems, of each job."""
    rows = [row for job in jobs if job["verdict"] == "FAIL" for row in _failures_of(job)]
    if rows:
        yield from ("", "### What differs", "", "| job | output | metric | found | would pass with |")
        yield "| --- | --- | --- | --- | --- |"
        yield from _bounded(iter(rows), len(rows), _DETAILS, "row")


def _failures_of(job: Mapping[str, Any]) -> Iterator[str]:
    name = as_code(job["name"])
    for pair in job["report"]["pairs"]:
        for output in pair["outputs"]:
            for metric in output["metrics"]:
                if metric_verdict(metric) == "FAIL":
                    found = as_text("; ".join(filter(None, (metric_line(metric), waiver_line(metric)))))
                    wanted = as_code(metric["required"]) if metric["required"] else ""
                    cells = (name, as_code(output_name(output)), metric["metric"], found, wanted)
                    yield f"| {' | '.join(cells)} |"
        yield from (f"| {name} | | | {as_text(problem)} | |" for problem in pair["problems"])
    yield from (f"| {name} | | | {as_text(problem)} | |" for problem in job["report"]["problems"])


def _bounded(rows: Iterator[str], total: int, room: int, noun: str) -> Iterator[str]:
    """As many rows as there is room for, and how many more there are."""
    for number, row in enumerate(rows):
        room -= len(row.encode()) + 1
        if room < 0:
            yield from ("", f"and {count(total - number, noun)} more")
            return
        yield row
