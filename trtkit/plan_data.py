"""A plan as plain data: what was asked, for reports and for whoever tells two runs apart by it."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trtkit.comparator.options import CompareOptions
from trtkit.options import changed_fields
from trtkit.plain_data import plain
from trtkit.plan import RunPlan

__all__ = ["options_data", "plan_data"]

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
        "baseline": plan.baseline,
        "baseline_of": plan.baseline_of,
        "waivers": [str(path) for path in plan.waivers],
        **{name: options_data(getattr(plan, name)) for name in _SECTIONS},
    }


def options_data(options: Any) -> dict[str, Any]:
    """The fields of an options object that are not at their default, JSON-ready; of metrics each with its own."""
    found = {name: _plain(value) for name, value in changed_fields(options).items()}
    if isinstance(options, CompareOptions):
        found["metrics"] = {name: options_data(each) for name, each in options.metrics.items()}
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
