"""The report as a JSON file."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from trtkit.atomic import replacing
from trtkit.report.model import Report

__all__ = ["save_report"]

log = logging.getLogger(__name__)


def save_report(report: Report, path: str | Path) -> None:
    """Write a report as JSON, all or nothing.

    Raises:
        FileError: the file cannot be written.
    """
    with replacing(Path(path)) as file:
        file.write(json.dumps(report.to_data(), indent=1, allow_nan=False).encode() + b"\n")
    log.info("report saved to %s", path)
