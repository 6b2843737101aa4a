"""The paths in a plan: which there are, and the same plan with others in their place.

An option names a file or folder where its metavar says so, as in `PATH` or `FILE.toml`; those of backends of other
packages too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from trtkit.backends.registry import find_backend
from trtkit.errors import TrtkitError
from trtkit.models import ModelFile
from trtkit.options import Option, options_of
from trtkit.plan import RunnerPlan, RunPlan

__all__ = ["PathKind", "path_kind", "paths_read", "paths_written", "with_paths"]

PathKind = Literal["", "path", "script", "library"]

_KINDS: Mapping[str, PathKind] = {
    **dict.fromkeys(("PATH", "FILE", "DIR", "MODEL", "FILE.toml"), "path"),
    **dict.fromkeys(("FILE.py[:FUNC]", "FILE.py[:NAME]"), "script"),
    "LIB.so": "library",
}
"""What the value of an option with this metavar is; a library without a slash is looked for by the system."""

_SECTIONS = ("inputs", "onnx", "execution", "compare", "save")
_OWN = ("load_outputs", "baseline", "baseline_of", "waivers")

Change = Callable[[str], str]


def path_kind(metavar: str | None) -> PathKind:
    """Whether the value of an option names a file or folder, and in which form."""
    return _KINDS.get(metavar or "", "")


def with_paths(plan: RunPlan, change: Change) -> RunPlan:
    """The plan with every path in it changed: of what is read, and of what is written."""
    model = plan.model_file
    if model is not None:
        model = ModelFile(Path(change(str(model.path))), model.kind, model.function)
    changed: dict[str, Any] = {name: _options_changed(getattr(plan, name), change) for name in _SECTIONS}
    changed |= {name: _changed(getattr(plan, name), "path", change) for name in _OWN}
    runners = tuple(_runner_changed(runner, change) for runner in plan.named_runners)
    return dataclasses.replace(plan, model=model, runners=runners, **changed)


def paths_read(plan: RunPlan) -> tuple[str, ...]:
    """Every file and folder that a plan names to be read, the model first; each once."""
    found = [] if plan.model_file is None else [str(plan.model_file.path)]
    found += [text for name in _OWN for text in _texts(getattr(plan, name))]
    found += [text for name, text in _named(plan) if not _writes(name)]
    return tuple(dict.fromkeys(found))


def paths_written(plan: RunPlan) -> tuple[str, ...]:
    """Every file and folder that a plan writes; each once."""
    return tuple(dict.fromkeys(text for name, text in _named(plan) if _writes(name)))


def _writes(field: str) -> bool:
    return field.startswith("save_") or field == "report"


def _named(plan: RunPlan) -> Iterator[tuple[str, str]]:
    """Each path in the options, with the name of its field; scripts without their function."""
    groups: list[tuple[type, Mapping[str, Any]]] = [
        (type(options), vars(options)) for options in (getattr(plan, name) for name in _SECTIONS)
    ]
    groups += [(cls, runner.options) for runner in plan.named_runners for cls in _options_class(runner)]
    for cls, values in groups:
        for field, meta in options_of(cls):
            kind = path_kind(meta.metavar)
            if kind and field.name in values:
                for text in _texts(values[field.name]):
                    if kind != "library" or "/" in text:
                        yield field.name, _split(text)[0] if kind == "script" else text


def _options_class(runner: RunnerPlan) -> list[type]:
    """The class of a runner's options; none where its backend is not to be had, which the run will say."""
    try:
        return [find_backend(runner.backend).load().Options]
    except TrtkitError:
        return []


def _options_changed(options: Any, change: Change) -> Any:
    values = {
        field.name: _changed(getattr(options, field.name), path_kind(meta.metavar), change)
        for field, meta in options_of(type(options))
        if path_kind(meta.metavar)
    }
    return dataclasses.replace(options, **values) if values else options


def _runner_changed(runner: RunnerPlan, change: Change) -> RunnerPlan:
    metas: dict[str, Option] = {field.name: meta for cls in _options_class(runner) for field, meta in options_of(cls)}
    options = {
        name: _changed(value, path_kind(metas[name].metavar) if name in metas else "", change)
        for name, value in runner.options.items()
    }
    return RunnerPlan(runner.backend, runner.name, options)


def _changed(value: Any, kind: PathKind, change: Change) -> Any:
    if value is None or not kind:
        return value
    if isinstance(value, (list, tuple)):
        return tuple(_changed(each, kind, change) for each in value)
    text = str(value)
    if kind == "script":
        file, rest = _split(text)
        text = change(file) + rest
    elif kind == "path" or "/" in text:
        text = change(text)
    return Path(text) if isinstance(value, Path) else text


def _split(text: str) -> tuple[str, str]:
    """The file of `file.py:function`, and the rest."""
    head, colon, tail = text.rpartition(":")
    return (head, colon + tail) if head.endswith(".py") else (text, "")


def _texts(value: Any) -> Sequence[str]:
    if value is None:
        return ()
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]
