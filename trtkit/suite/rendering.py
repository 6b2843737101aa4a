"""The forms of a suite's report: each is rendered from its data alone, as a `.json` file holds it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from trtkit.errors import FileError
from trtkit.report.rendering import report_suffix

__all__ = ["SUITE_RENDERERS", "render_suite"]

SUITE_RENDERERS: Mapping[str, str | None] = {
    ".json": None,
    ".xml": "trtkit.suite.junit",
    ".md": "trtkit.suite.markdown",
    ".html": "trtkit.suite.page",
}
"""As `trtkit.report.rendering.RENDERERS`, and with the same suffixes."""


def render_suite(data: Mapping[str, Any], suffix: str, folder: str = "") -> str:
    """A suite's report as text.

    Args:
        data: as `SuiteReport.to_data` gives it, or as read from a saved `.json`.
        suffix: `.json`, `.xml` (JUnit), `.md` (Markdown) or `.html` (a web page).
        folder: the suite's, relative to that which a page will be in, for its links; empty where it is the same.

    Raises:
        UsageError: there is no such form.
        FileError: the data is none of a suite's report, or of a later release.
    """
    from trtkit.suite.report import SCHEMA, SCHEMA_VERSION

    form = report_suffix(f"report{suffix}")
    module = SUITE_RENDERERS[form]
    found = data.get("schema"), data.get("schema_version")
    if found != (SCHEMA, SCHEMA_VERSION):
        raise FileError(f"it is a report of {found[0]} {found[1]}, and this trtkit reads {SCHEMA} {SCHEMA_VERSION}")
    if module is None:
        return json.dumps(data, indent=1, allow_nan=False) + "\n"
    more = {"folder": folder} if form == ".html" else {}
    text: str = importlib.import_module(module).rendered(data, **more)
    return text
