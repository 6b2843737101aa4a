"""`--gen-script`: a plan as a Python program against trtkit's public API."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trtkit.cli.scriptfile import write_script_file
from trtkit.comparator.options import CompareOptions
from trtkit.models import ModelFile
from trtkit.options import changed_fields
from trtkit.plan import RunnerPlan, RunPlan

__all__ = ["code", "write_script"]

_WIDTH = 100


def write_script(plan: RunPlan, path: str) -> None:
    """Write the plan as a script, all or nothing; `-` is standard output.

    Raises:
        FileError: the file cannot be written.
    """
    from trtkit.templates import render

    model = "saved outputs" if plan.model_file is None else plan.model_file.path.name
    text = render("run.py.j2", model=_docstring_safe(model), plan=code(plan))
    write_script_file(text, path)


def code(value: Any, indent: int = 0) -> str:
    """Python source of a value: options objects by their public names, with the fields that differ from the default."""
    short = _code(value, None)
    if indent + len(short) <= _WIDTH:
        return short
    return _code(value, indent)


def _code(value: Any, indent: int | None) -> str:
    """Source on one line (`indent` None) or broken after each item."""
    if isinstance(value, ModelFile):
        return _model(value)
    if isinstance(value, RunnerPlan) and value.name == value.backend and not value.options:
        return repr(value.backend)
    if isinstance(value, Path):
        return repr(str(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = [(f"{name}=", item) for name, item in _changed(value)]
        return _joined(f"trtkit.{type(value).__name__}(", items, ")", indent)
    if isinstance(value, Mapping):
        return _joined("{", [(f"{key!r}: ", item) for key, item in value.items()], "}", indent)
    if isinstance(value, (list, tuple)) and not isinstance(value, str):
        return _joined("[", [("", item) for item in value], "]", indent)
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def _joined(start: str, items: list[tuple[str, Any]], end: str, indent: int | None) -> str:
    if indent is None or not items:
        return start + ", ".join(prefix + _code(item, None) for prefix, item in items) + end
    inner = " " * (indent + 4)
    lines = [f"{inner}{prefix}{code(item, indent + 4 + len(prefix))}," for prefix, item in items]
    return "\n".join([start, *lines, " " * indent + end])


def _changed(value: Any) -> list[tuple[str, Any]]:
    """The fields that must be written down for an equal object."""
    changed = changed_fields(value)
    if isinstance(value, CompareOptions) and "metrics" in changed:
        changed["metrics"] = {name: fields for name, each in value.metrics.items() if (fields := dict(_changed(each)))}
        if not changed["metrics"]:
            del changed["metrics"]
    return list(changed.items())


def _model(file: ModelFile) -> str:
    text = str(file.path) if file.function is None else f"{file.path}:{file.function}"
    try:
        guessed = ModelFile.parse(text).kind == file.kind
    except ValueError:
        guessed = False
    return repr(text) if guessed else f"trtkit.ModelFile.parse({text!r}, {file.kind!r})"


def _docstring_safe(text: str) -> str:
    """A file name that cannot end the docstring that it stands in."""
    return repr(text)[1:-1].replace('"', "'")
