"""Web pages that open from disk and load nothing: their text, their data, and their security policy.

The policy admits a page's own scripts and styles by their hashes, and no connection at all, so that a name in a model
is text whatever it looks like.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from trtkit.plain_data import plain

__all__ = ["embedded", "policy", "report_page", "template_text"]

LIBRARY = "report/vendor/uPlot.iife.min.js"
STYLES = ("report/vendor/uPlot.min.css", "report/report.css")
SHARED = ("report/base.js", "report/table.js", "report/plots.js")
"""What pages of reports have in common, in the order of its use."""


def template_text(name: str) -> str:
    """A file of `trtkit/templates`."""
    return (files("trtkit") / "templates" / name).read_text(encoding="utf-8")


def policy(scripts: Sequence[str], styles: Sequence[str], more: str = "") -> str:
    """Content-Security-Policy: these scripts and styles, what `more` allows, and nothing else."""

    def hashes(texts: Sequence[str]) -> str:
        digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{digest}'" for digest in digests)

    return (
        f"default-src 'none'; script-src {hashes(scripts)}; style-src {hashes(styles)}; {more}"
        "base-uri 'none'; form-action 'none'"
    )


def embedded(data: Mapping[str, Any]) -> str:
    """Data as JSON that is safe inside of a script element, where only `<` and `&` could mean anything."""
    text = json.dumps(plain(data), separators=(",", ":"), allow_nan=False)
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def report_page(title: str, data: Mapping[str, Any], scripts: Sequence[str]) -> str:
    """A page of a report as text.

    Args:
        title: what the browser calls it.
        data: what the scripts show.
        scripts: those that are particular to the page, as files of `trtkit/templates`, in the order of their use.
    """
    style = "".join(map(template_text, STYLES))
    library = template_text(LIBRARY)
    script = f'"use strict";(() => {{\n{"".join(map(template_text, (*SHARED, *scripts)))}}})();'
    return Template(template_text("report/shell.html")).substitute(
        policy=policy([library, script], [style]),
        title=html.escape(title),
        style=style,
        data=embedded(data),
        library=library,
        script=script,
    )
