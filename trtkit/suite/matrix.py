"""The jobs of one entry of a suite file: the product of its axes, less `exclude`, plus `include`.

[[jobs]]
model = "models/*.onnx"                  # an axis too: one job for each file

[jobs.matrix]
precision = [{ name = "fp32" }, { name = "fp16", ort-precision = "fp16", atol = 1e-2 }]
iterations = [1, 8]                      # named as a key: its values are those of the key
exclude = [{ model = "large", precision = "fp16" }]
include = [{ precision = "fp16", rtol = 1e-2 }]
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from trtkit.errors import FileError
from trtkit.suggest import did_you_mean

__all__ = ["Axis", "Combination", "Point", "axis_of", "combinations", "is_pattern"]

_WHOLE = ("include", "exclude")


@dataclass(frozen=True)
class Point:
    """One value of an axis.

    Attributes:
        label: what it is called in names of jobs, and in `include` and `exclude`.
        values: what it sets, by key.
    """

    label: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Axis:
    """One dimension of a matrix."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Combination:
    """One job to be.

    Attributes:
        labels: the label of its point on each axis, by the axis' name.
        values: what is set, by key.
    """

    labels: Mapping[str, str]
    values: Mapping[str, Any] = field(default_factory=dict)


def is_pattern(text: str) -> bool:
    """Whether a path is a glob."""
    return any(char in text for char in "*?[")


def axis_of(name: str, values: Any, is_key: bool, is_path: bool, expand: Callable[[str], Sequence[str]]) -> Axis:
    """An axis from what a file says of it.

    Args:
        name: the axis.
        values: a list: values of the key of that name, or tables with `name` and any keys.
        is_key: whether there is a key of that name.
        is_path: whether that key names a file that is read, so that globs are expanded.
        expand: the paths that a glob stands for.

    Raises:
        FileError: it makes no sense.
    """
    if not isinstance(values, list) or not values:
        raise FileError(f"matrix.{name}: expected a list of values that is not empty")
    points: list[Point] = []
    for value in values:
        if isinstance(value, dict):
            label = value.get("name")
            if not isinstance(label, str) or not label:
                raise FileError(f"matrix.{name}: each table needs a name, as in {{ name = 'fp16', ... }}")
            points.append(Point(label, {key: each for key, each in value.items() if key != "name"}))
        elif not is_key:
            raise FileError(
                f"matrix.{name}: {name!r} is no key of a job, so {value!r} says nothing; give tables such as "
                f"{{ name = 'one', KEY = VALUE }}"
            )
        elif is_path and isinstance(value, str):
            points += [Point(path, {name: path}) for path in expand(value)]
        else:
            points.append(Point(_label(name, value), {name: value}))
    if is_path:
        points = _shortened(points, name)
    seen: set[str] = set()
    for point in points:
        if point.label in seen:
            raise FileError(f"matrix.{name}: {point.label!r} is there twice")
        seen.add(point.label)
    return Axis(name, points)


def combinations(axes: Sequence[Axis], matrix: Mapping[str, Any]) -> list[Combination]:
    """The product of the axes as `include` and `exclude` change it.

    Raises:
        FileError: one of them makes no sense, or has no effect.
    """
    _check_keys(axes, _tables(matrix, "include"))
    found = [
        Combination(
            {axis.name: point.label for axis, point in zip(axes, points, strict=True)},
            {key: value for point in points for key, value in point.values.items()},
        )
        for points in itertools.product(*(axis.points for axis in axes))
    ]
    by_name = {axis.name: axis for axis in axes}
    for entry in _tables(matrix, "exclude"):
        for name in entry:
            if name not in by_name:
                raise FileError(f"exclude: there is no axis {name!r}{did_you_mean(name, by_name)}")
        kept = [each for each in found if not _selected(each, entry)]
        if len(kept) == len(found):
            raise FileError(f"exclude: no job has {_told(entry)}")
        found = kept
    for entry in _tables(matrix, "include"):
        found = _included(found, entry, by_name)
    return found


def _included(found: list[Combination], entry: Mapping[str, Any], axes: Mapping[str, Axis]) -> list[Combination]:
    """More keys for the jobs that an entry names by their axes; a further job where there is none."""
    where = {name: value for name, value in entry.items() if name in axes}
    more = {name: value for name, value in entry.items() if name not in axes}
    if any(_selected(each, where) for each in found):
        if not more:
            raise FileError(f"include: there are jobs with {_told(where)} already, and no keys are added to them")
        return [Combination(each.labels, {**each.values, **more}) if _selected(each, where) else each for each in found]
    labels: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, value in where.items():
        label = _label(name, value)
        point = next((each for each in axes[name].points if each.label == label), None)
        if point is None:
            known = [each.label for each in axes[name].points]
            raise FileError(f"include: axis {name!r} has no {label!r}{did_you_mean(label, known)}")
        labels[name] = label
        values |= point.values
    return [*found, Combination(labels, {**values, **more})]


def _selected(job: Combination, where: Mapping[str, Any]) -> bool:
    """Whether a job has these labels, which may be globs."""
    return all(
        name in job.labels and (job.labels[name] == _label(name, value) or _matches(job.labels[name], value))
        for name, value in where.items()
    )


def _matches(label: str, value: Any) -> bool:
    return isinstance(value, str) and fnmatchcase(label, value)


def _check_keys(axes: Sequence[Axis], include: Sequence[Mapping[str, Any]]) -> None:
    """Each key is set by one axis, so that the labels of a job are true; the name of a job by none."""
    owners: dict[str, str] = {}
    for axis in axes:
        for key in dict.fromkeys(key for point in axis.points for key in point.values):
            if key in owners:
                raise FileError(
                    f"the axes {owners[key]!r} and {axis.name!r} both set {key!r}; let one do, and change it for some "
                    "jobs by include"
                )
            owners[key] = axis.name
    if "name" in owners or any("name" in entry for entry in include):
        raise FileError("matrix: a name belongs to the entry, as in name = 'quick-{model}'")


def _tables(matrix: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    tables = matrix.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) and each for each in tables):
        raise FileError(f"{key}: expected a list of tables, such as {{ model = 'large', precision = 'fp16' }}")
    return tables


def _told(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in entry.items())


def _label(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"no-{name}"
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def _shortened(points: Sequence[Point], name: str) -> list[Point]:
    """Files by their name without folder and suffix, as far as that tells them apart."""
    stems = [Path(str(point.values[name])).name.partition(".")[0] if name in point.values else "" for point in points]
    return [
        Point(stem, point.values) if stems.count(stem) == 1 and point.label == point.values.get(name) else point
        for stem, point in zip(stems, points, strict=True)
    ]
