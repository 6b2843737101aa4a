"""The report of a suite as data: what each job came to, with the report of its run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trtkit.report.latency_text import count, duration
from trtkit.suite.verdicts import GOOD, JobResult, count_verdicts, exit_code_of

__all__ = ["SCHEMA", "SCHEMA_VERSION", "SuiteReport", "job_line", "save_suite_report"]

SCHEMA = "trtkit.suite-report"
SCHEMA_VERSION = 1
"""Keys are added within a version, never renamed, and never mean something else (docs/suite.md)."""


@dataclass(frozen=True)
class SuiteReport:
    """What a suite came to.

    Attributes:
        suite: the path of its file, as given.
        jobs: the result of each job that was chosen, in the order of the file.
        seconds: wall time of all together.
        created: when it ended, in UTC, as in `2025-01-31T23:59:59Z`.
        environment: of the machine that ran the suite, as `trtkit.report.environment` tells it.
        filter: texts that chose the jobs; empty for all.
        shard: which part of how many; None for all.
        executor: where the jobs ran.
    """

    suite: str
    jobs: Sequence[JobResult]
    seconds: float
    created: str
    environment: Mapping[str, Any] = field(default_factory=dict)
    filter: Sequence[str] = ()
    shard: tuple[int, int] | None = None
    executor: str = "local"

    @property
    def counts(self) -> dict[str, int]:
        """How many jobs there are of each verdict that occurs."""
        return count_verdicts(job.verdict for job in self.jobs)

    @property
    def exit_code(self) -> int:
        """The exit code of `trtkit suite`."""
        return exit_code_of(job.verdict for job in self.jobs)

    @property
    def verdict(self) -> Literal["PASS", "FAIL", "ERROR"]:
        """PASS, FAIL, or ERROR where a job could not be carried out."""
        codes: dict[int, Literal["PASS", "FAIL", "ERROR"]] = {0: "PASS", 1: "FAIL"}
        return codes.get(self.exit_code, "ERROR")

    @property
    def verdict_text(self) -> str:
        """The verdict in words."""
        told = ", ".join(f"{number} {verdict}" for verdict, number in self.counts.items())
        resumed = sum(job.resumed for job in self.jobs)
        before = f", {resumed} from before" if resumed else ""
        return f"{self.verdict}: {count(len(self.jobs), 'job')}: {told}{before} ({duration(self.seconds)})"

    def to_data(self) -> dict[str, Any]:
        """The report as plain dictionaries and lists, ready for `json.dumps`."""
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict,
            "verdict_text": self.verdict_text,
            "exit_code": self.exit_code,
            "counts": self.counts,
            "created": self.created,
            "seconds": self.seconds,
            "suite": self.suite,
            "filter": list(self.filter),
            "shard": None if self.shard is None else list(self.shard),
            "executor": self.executor,
            "jobs": [job.to_data() for job in self.jobs],
            "environment": self.environment,
        }

    def text(self) -> str:
        """The jobs that did not pass, each with why, and the verdict last."""
        bad = [job for job in self.jobs if job.verdict not in GOOD and job.verdict != "NOT RUN"]
        lines = ["", *(line for job in bad for line in _told(job))] if bad else []
        return "\n".join([*lines, "", self.verdict_text])


def job_line(job: JobResult) -> str:
    """A job on one line: verdict, name, time and what it rests on."""
    when = "before" if job.resumed else duration(job.seconds) if job.attempts else ""
    return f"{job.verdict:8} {job.name}  {when}  {job.message}".rstrip()


def save_suite_report(report: SuiteReport, path: str | Path) -> None:
    """Write a report in the form of the path's suffix, all or nothing.

    Raises:
        FileError: it cannot be written.
        UsageError: there is no such form.
    """
    from trtkit.atomic import replacing
    from trtkit.report.rendering import report_suffix
    from trtkit.suite.rendering import render_suite

    folder = os.path.relpath(Path(report.suite).resolve().parent, Path(path).resolve().parent)
    text = render_suite(report.to_data(), report_suffix(path), folder)
    with replacing(path) as file:
        file.write(text.encode(errors="replace"))


def _told(job: JobResult) -> Iterator[str]:
    """A job that did not pass: what its run found, or the end of what its process said."""
    yield f"{job.verdict} {job.name}: {job.message}"
    if job.report is not None and job.verdict == "FAIL":
        from trtkit.report.wording import metric_line, metric_verdict, output_name, waiver_line

        for pair in job.report["pairs"]:
            for output in pair["outputs"]:
                for metric in output["metrics"]:
                    if metric_verdict(metric) == "FAIL":
                        told = "; ".join(filter(None, (metric_line(metric), waiver_line(metric))))
                        yield f"  {output_name(output)}  {metric['metric']}: {told}"
            yield from (f"  {problem}" for problem in pair["problems"])
        yield from (f"  {problem}" for problem in job.report["problems"])
    else:
        yield from (f"  | {line}" for line in job.log.splitlines()[-5:] if job.report is None)
