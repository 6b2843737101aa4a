"""The report as a file."""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trtkit.atomic import replacing
from trtkit.comparator.records import Records
from trtkit.report.model import Report
from trtkit.report.rendering import render, report_suffix

__all__ = ["save_rendered", "save_report", "without_records"]

log = logging.getLogger(__name__)


def save_report(report: Report, path: str | Path, suffix: str = ".json") -> None:
    """Write a report, all or nothing.

    Args:
        report: what is written.
        path: the file.
        suffix: the form, as of `trtkit.report.render`.

    Raises:
        FileError: the file cannot be written.
    """
    with replacing(Path(path)) as file:
        if suffix == ".json":
            for piece in _json(report.frame()):
                file.write(piece.encode())
        else:
            frame = report.frame()
            # A file's name that is not text has characters that UTF-8 lacks.
            file.write(render(frame if suffix == ".html" else without_records(frame), suffix).encode(errors="replace"))
    log.info("report saved to %s", path)


def save_rendered(data: Mapping[str, Any], path: str | Path) -> None:
    """Write a saved report in the form that the suffix of a file chooses, all or nothing.

    Args:
        data: as read from a `.json` file.
        path: the file.

    Raises:
        UsageError: there is no such form.
        FileError: the data is damaged, or the file cannot be written.
    """
    text = render(data, report_suffix(path))
    with replacing(Path(path)) as file:
        file.write(text.encode(errors="replace"))
    log.info("report saved to %s", path)


def _json(frame: dict[str, Any]) -> Iterator[str]:
    """The data as JSON, the results of single iterations one by one, since there may be more than memory holds."""
    mark = secrets.token_hex(8)  # no name in the report is equal to it
    found: list[Iterable[Mapping[str, Any]]] = []

    def marked(records: Iterable[Mapping[str, Any]]) -> str:
        found.append(records)
        return f"{mark}-{len(found) - 1}"

    text = json.dumps(frame, indent=1, allow_nan=False, default=marked) + "\n"
    pieces = re.split(f'"{mark}-([0-9]+)"', text)
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            yield piece
            continue
        records = found[int(piece)]
        assert isinstance(records, Records)
        yield "["
        for number, line in enumerate(records.lines()):
            yield f"{',' if number else ''}\n       {line}"
        yield "\n      ]"


def without_records(frame: dict[str, Any]) -> dict[str, Any]:
    """The data without the results of single iterations, which only JSON and the page tell."""
    for pair in frame["pairs"]:
        for output in pair["outputs"]:
            for metric in output["metrics"]:
                metric["per_iteration"] = None
    return frame
