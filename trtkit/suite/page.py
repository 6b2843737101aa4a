"""A suite's report as one web page: what all jobs came to, and what each has to tell, made when it is opened.

What the page shows is decided here, from the report's data; its scripts (`templates/report/`) lay it out and draw.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from trtkit.report.latency_text import duration
from trtkit.report.run_page import environment_facts, run_page_data
from trtkit.report.webpage import report_page

__all__ = ["rendered", "suite_page_data"]

SCRIPTS = ("report/errors.js", "report/latency.js", "report/parts.js", "report/matrix.js", "report/suite.js")

_MOST_PICTURES = 4_000_000
"""Bytes for pictures of errors in the page; each job that has some wrote a page of its own, which has all of them."""

_TOLD = ("pairs", "outputs", "problems", "runners", "precision", "warnings", "warnings_left_out", "notes", "waivers")
"""What a page of a run shows that a job tells too."""


def rendered(data: Mapping[str, Any], folder: str = "") -> str:
    """The report as text.

    Args:
        data: of the report.
        folder: the suite's, relative to the folder that the page will be in; empty where it is the same.
    """
    title = f"{data['verdict']}: {PurePath(data['suite']).name}"
    return report_page(title, suite_page_data(data, folder), SCRIPTS)


def suite_page_data(data: Mapping[str, Any], folder: str = "") -> dict[str, Any]:
    """What the page shows, as plain data; jobs in the order of the suite."""
    axes = _axes(data["jobs"])
    pictures = _Pictures()
    return {
        "verdict": data["verdict"],
        "text": data["verdict_text"].partition(": ")[2],
        "suite": data["suite"],
        "created": data["created"],
        "took": duration(data["seconds"]),
        "counts": data["counts"],
        "axes": [{"name": name, "labels": labels} for name, labels in axes.items()],
        "view": _view(data["jobs"], axes),
        "jobs": [
            _job(job, axes, folder, pictures) | {"id": f"job-{number}"} for number, job in enumerate(data["jobs"])
        ],
        "about": [
            ("suite", data["suite"]),
            ("ended", data["created"]),
            ("took", duration(data["seconds"])),
            ("executor", data["executor"]),
            ("only jobs with", ", ".join(data["filter"])),
            ("shard", None if data["shard"] is None else "{} of {}".format(*data["shard"])),
        ],
        "environment": list(environment_facts(data["environment"])) if data["environment"] else [],
    }


def _axes(jobs: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The axes on which jobs differ, with their labels, in the order of the suite; none unless there are two."""
    found: dict[str, dict[str, None]] = {}
    for job in jobs:
        for name, label in job["labels"].items():
            found.setdefault(name, {})[label] = None
    axes = {name: list(labels) for name, labels in found.items() if len(labels) > 1}
    return axes if _view(jobs, axes) is not None else {}


def _view(jobs: Sequence[Mapping[str, Any]], axes: Mapping[str, Sequence[str]]) -> list[int] | None:
    """Which axes to begin with, as rows and as columns: the two of most jobs; None where no two differ together."""
    names = list(axes)

    def shared(pair: tuple[str, str]) -> int:
        both = [[job["labels"][name] for name in pair] for job in jobs if job["labels"].keys() >= set(pair)]
        return len(both) if all(len(set(labels)) > 1 for labels in zip(*both, strict=True)) else 0

    best = max(combinations(names, 2), key=shared, default=None)
    if best is None or not shared(best):
        return None
    rows, columns = sorted(best, key=lambda name: -len(axes[name]))
    return [names.index(rows), names.index(columns)]


class _Pictures:
    """Pictures of errors as far as there is room, of what did not pass."""

    def __init__(self) -> None:
        self._room = _MOST_PICTURES

    def kept(self, output: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """An output's pictures, None where it has none or there is no room."""
        pictures: Mapping[str, Any] | None = output["pictures"]
        if pictures is None or output["verdict"] == "PASS":
            return None
        grids = [pictures["density"]["grid"], *(each["grid"] for each in pictures["maps"])]
        size = 2000 + sum(len(grid["levels"]) for grid in grids)
        if size > self._room:
            return None
        self._room -= size
        return pictures


def _job(job: Mapping[str, Any], axes: Mapping[str, Sequence[str]], folder: str, pictures: _Pictures) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": job["name"],
        "verdict": job["verdict"],
        "message": job["message"],
        "seconds": job["seconds"] if job["attempts"] else None,
        "host": job["host"],
        "attempts": job["attempts"],
        "resumed": job["resumed"],
        "exit_code": job["exit_code"],
        "command": shlex.join(["trtkit", "run", *job["words"]]),
        "log": job["log"],
        "place": [
            labels.index(job["labels"][name]) if name in job["labels"] else None for name, labels in axes.items()
        ],
        "run": None,
        "pages": [],
    }
    if job["report"] is None:
        return shown
    run = run_page_data(job["report"])
    found = {key: run[key] for key in _TOLD}
    found["outputs"] = [{**output, "pictures": pictures.kept(output)} for output in run["outputs"]]
    return {**shown, "message": _message(job, run), "run": found, "pages": list(_pages(job["report"], folder))}


def _message(job: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """What happened, in one line: where something differs, with the first of it."""
    text = str(job["message"])
    if job["verdict"] != "FAIL":
        return text
    differs = [
        f"{output['name']}: {metric['line']}"
        for output in run["outputs"]
        for metric in output["metrics"]
        if metric["verdict"] == "FAIL"
    ]
    return "; ".join([text, *[*differs, *run["problems"]][:1]])


def _pages(report: Mapping[str, Any], folder: str) -> Iterator[tuple[str, str]]:
    """The pages that a job wrote itself: their paths, and where a link leads to."""
    plan = report["plan"] or {}
    for path in plan.get("save", {}).get("report", ()):
        if path.lower().endswith(".html"):
            absolute = PurePath(path).is_absolute()
            target = PurePath(path).as_uri() if absolute else quote(str(PurePath(folder) / path), errors="replace")
            yield path, target
