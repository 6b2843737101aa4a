"""Text that trtkit writes for people to run and edit. It never executes what it rendered."""

from __future__ import annotations

from typing import Any

from trtkit.optional import require

__all__ = ["render"]


def render(template: str, **values: Any) -> str:
    """Fill a template of this folder.

    Args:
        template: file name, e.g. `run.py.j2`.
        values: its variables; one that is missing is an error, never an empty string.
    """
    jinja2 = require("jinja2", "jinja2", "writing scripts")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("trtkit", "templates"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Python text; every value goes through repr()
    )
    environment.filters["repr"] = repr
    text: str = environment.get_template(template).render(**values)
    return text
