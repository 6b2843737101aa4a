"""The forms of a report: each is rendered from its data alone, as a `.json` file holds it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trtkit.errors import UsageError

__all__ = ["RENDERERS", "render", "report_path", "report_suffix"]

RENDERERS: Mapping[str, str | None] = {
    ".json": None,
    ".xml": "trtkit.report.junit",
    ".md": "trtkit.report.markdown",
    ".html": "trtkit.report.run_page",
}
"""Suffix of a file to the module that makes its text, with a function `rendered(data)`; JSON is the data itself."""


def report_suffix(path: str | Path) -> str:
    """The suffix of a file for a report, in lower case.

    Raises:
        UsageError: there is no such form.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in RENDERERS:
        raise UsageError(f"no report is written as {str(path)!r}: its suffix is none of {', '.join(RENDERERS)}")
    return suffix


def report_path(text: str) -> str:
    """A path for a report, as the command line gives it.

    Raises:
        UsageError: its suffix is that of no form.
    """
    report_suffix(text)
    return text


def render(data: Mapping[str, Any], suffix: str) -> str:
    """A report as text.

    Args:
        data: as `Report.to_data` gives it, or as read from a saved `.json`, of this release or an older one.
        suffix: `.json`, `.xml` (JUnit), `.md` (Markdown) or `.html` (a web page).

    Raises:
        UsageError: there is no such form.
        FileError: the data is none of a report, or of a later release.
    """
    from trtkit.report.reading import upgraded

    module = RENDERERS[report_suffix(f"report{suffix}")]
    data = upgraded(data, "the report")
    if module is None:
        return json.dumps(data, indent=1, allow_nan=False) + "\n"
    text: str = importlib.import_module(module).rendered(data)
    return text
