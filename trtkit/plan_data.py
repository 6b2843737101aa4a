"""A plan as plain data: what was asked, for reports and for whoever tells two runs apart by it."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trtkit.comparator.compare import CompareOptions
from trtkit.comparator.outcome import plain
from trtkit.plan import RunPlan

__all__ = ["plan_data"]

_SECTIONS = ("inputs", "onnx", "execution", "compare", "save")


def plan_data(plan: RunPlan) -> dict[str, Any]:
    """All that a plan asks for, JSON-ready: the same plan always gives the same data, with paths as they were given.

    Of each group of options only those are told that differ from their default, by the names of their fields; of a
    runner those that were given; of the metrics those that judge, each with its options.
    """
    file = plan.model_file
    return {
        "model": None if file is None else {"path": str(file.path), "kind": file.kind, "function": file.function},
        "runners": [
            {"backend": runner.backend, "name": runner.name, "options": _plain(runner.options)}
            for runner in plan.named_runners
        ],
        "load_outputs": [str(path) for path in plan.load_outputs],
        **{name: _changed(getattr(plan, name)) for name in _SECTIONS},
    }


def _changed(options: Any) -> dict[str, Any]:
    """The fields of an options object that are not at their default."""
    found = {}
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if isinstance(options, CompareOptions) and field.name == "metrics":
            found[field.name] = {name: _changed(each) for name, each in value.items()}
            continue
        default: Any = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if default is dataclasses.MISSING or value != default:
            found[field.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    """A value of an option as JSON has it; what is neither text, number, collection nor options object as its text."""
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return value.name if isinstance(value, enum.Enum) else plain(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item) for item in value), key=repr)
    if isinstance(value, (list, tuple, range)):
        return [_plain(item) for item in value]
    return value.name if isinstance(value, enum.Enum) else str(value) if isinstance(value, Path) else repr(value)
