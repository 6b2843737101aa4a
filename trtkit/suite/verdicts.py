"""What a job came to, in one word, and what a suite of them comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from trtkit.suite.executor import Fate

__all__ = ["GOOD", "JUDGED", "SIGNS", "VERDICTS", "JobResult", "JobVerdict", "count_verdicts", "exit_code_of", "judged"]

JobVerdict = Literal["PASS", "XFAIL", "RAN", "FAIL", "ERROR", "CRASH", "TIMEOUT", "MEMORY", "LOST", "NOT RUN"]

VERDICTS: tuple[JobVerdict, ...] = get_args(JobVerdict)

GOOD: tuple[JobVerdict, ...] = ("PASS", "XFAIL", "RAN")
"""What leaves a suite's exit code at 0."""

JUDGED: tuple[JobVerdict, ...] = (*GOOD, "FAIL")
"""What is known about the model, and does not change unless the job does; the others are tried again."""

SIGNS: Mapping[str, str] = {
    "PASS": "✅",
    "XFAIL": "🟡",
    "RAN": "▶️",
    "FAIL": "❌",
    "ERROR": "💥",
    "CRASH": "💥",
    "TIMEOUT": "⏱️",
    "MEMORY": "🧱",
    "LOST": "❓",
    "NOT RUN": "⏭️",
}

_OF_FATE: Mapping[Fate, JobVerdict] = {"crashed": "CRASH", "timeout": "TIMEOUT", "memory": "MEMORY", "lost": "LOST"}


@dataclass(frozen=True)
class JobResult:
    """One job of a report on a suite.

    Attributes:
        name: the job's.
        verdict: PASS; XFAIL, with failures that are all waived; RAN, where there was nothing to judge; FAIL; ERROR,
            which did not come to its end; what ended its process; or that it did not run.
        message: one line: what it rests on.
        key: the hash of all that it depends on.
        words: the command line that does the same, without `trtkit run`.
        exit_code: of that command; None where the process came to no report.
        seconds: wall time of its process.
        host: on which machine.
        attempts: how often it was started; 0 for what was not run.
        resumed: the result is from an earlier suite.
        log: the end of what it wrote to standard error; empty where it was judged.
        report: the run's report (docs/report.md), None where there is none.
        labels: what it is called on each axis of its matrix.
    """

    name: str
    verdict: JobVerdict
    message: str
    key: str
    words: tuple[str, ...] = ()
    exit_code: int | None = None
    seconds: float = 0.0
    host: str = ""
    attempts: int = 0
    resumed: bool = False
    log: str = ""
    report: Mapping[str, Any] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def to_data(self) -> dict[str, Any]:
        """As a plain dictionary."""
        return {**vars(self), "words": list(self.words), "labels": dict(self.labels)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> JobResult:
        """From what `to_data` gave.

        Raises:
            TypeError, KeyError: it is something else.
        """
        return cls(**{**data, "words": tuple(data["words"])})


def judged(fate: Fate, message: str, report: Mapping[str, Any] | None) -> tuple[JobVerdict, str, int | None]:
    """Verdict, message and exit code of a job from how its process ended and the report that it left."""
    if report is None:
        return _OF_FATE.get(fate, "CRASH"), message, None
    verdict, text = report["verdict"], str(report["verdict_text"])
    text = text.partition(": ")[2] or text
    if verdict == "PASS" and _waives(report):
        verdict = "XFAIL"
    if verdict == "ERROR":
        text = report["error"]["message"]
    return verdict, text, report["exit_code"]


def _waives(report: Mapping[str, Any]) -> bool:
    return any(
        metric["waived"] is not None
        for pair in report["pairs"]
        for output in pair["outputs"]
        for metric in output["metrics"]
    )


def count_verdicts(verdicts: Iterable[str]) -> dict[str, int]:
    """How many there are of each, in the order of `VERDICTS`; none that does not occur."""
    every = list(verdicts)
    return {verdict: every.count(verdict) for verdict in VERDICTS if verdict in every}


def exit_code_of(verdicts: Iterable[str]) -> int:
    """The exit code of a suite: 3 where a job could not be carried out, else 1 where one fails, else 0."""
    every = set(verdicts) - set(GOOD)
    if every - {"FAIL", "NOT RUN"}:
        return 3
    return 1 if "FAIL" in every else 3 if every else 0
