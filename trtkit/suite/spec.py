"""A suite file, read: which jobs it describes, checked as far as that is possible without running them.

docs/suite.md describes the format. Whatever is wrong is told with the entry, and the line where that can be told.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Formatter
from typing import Any, Literal, Protocol

from trtkit.errors import FileError, TrtkitError, UsageError
from trtkit.plan import RunPlan
from trtkit.suggest import did_you_mean
from trtkit.suite.independence import check_independent
from trtkit.suite.limits import DEFAULT_SECONDS, parse_memory, parse_seconds
from trtkit.suite.matrix import Axis, Combination, Point, axis_of, combinations, is_pattern
from trtkit.suite.paths import with_paths
from trtkit.toml_text import read_toml

__all__ = ["Job", "Suite", "Translator", "read_suite"]

_HEADER = re.compile(r"\s*\[\[\s*jobs\s*\]\]")
_TOP = ("defaults", "matrix", "jobs")
_OWN = ("name", "model", "runners", "files", "time-limit", "memory-limit", "gpus")


class Translator(Protocol):
    """What turns keys of a job into the words of `trtkit run`, and those into a plan; the command line has one."""

    @property
    def keys(self) -> Collection[str]:
        """The long flags that a job may have, without dashes."""

    def canonical(self, key: str) -> str:
        """The first spelling of a key that has several."""

    def reads(self, key: str) -> Literal["", "one", "many"]:
        """Whether a key names one file that is read, or many."""

    def words(self, model: str | None, runners: Sequence[str], options: Mapping[str, Any]) -> list[str]:
        """The words of a command line, without `trtkit run`.

        Raises:
            UsageError: a value is not of the type that its option takes.
        """

    def plan(self, words: Sequence[str]) -> RunPlan:
        """The plan that `trtkit run` makes of these words.

        Raises:
            UsageError: it makes none.
        """


@dataclass(frozen=True)
class Job:
    """One job of a suite.

    Attributes:
        name: unique in the suite.
        words: the command line that does the same from the suite's folder, without `trtkit run`.
        plan: what to do, with absolute paths.
        files: further files and folders that it depends on, such as what a script imports.
        seconds: its time limit; None for none.
        memory: its memory limit in bytes; None for none.
        gpus: how many GPUs it needs.
        labels: what it is called on each axis of its matrix.
    """

    name: str
    words: Sequence[str]
    plan: RunPlan
    files: Sequence[str] = ()
    seconds: float | None = DEFAULT_SECONDS
    memory: int | None = None
    gpus: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """A suite file.

    Attributes:
        path: the file, as given.
        folder: its folder, which relative paths in it start from.
        jobs: in the order of the file.
    """

    path: str
    folder: Path
    jobs: Sequence[Job]


def read_suite(path: str | Path, translator: Translator) -> Suite:
    """Read a suite file.

    Raises:
        FileError: it cannot be read, or something in it makes no sense. A model that is missing does: its job will
            fail.
    """
    data, text = read_toml(path, "suite file")
    where = f"the suite file {str(path)!r}"
    for key in data:
        if key not in _TOP:
            raise FileError(
                f"{where}: unknown key {key!r}{did_you_mean(key, _TOP)} (known: [defaults], [matrix], [[jobs]])"
            )
    folder = Path(path).resolve().parent
    defaults = _table(data.get("defaults", {}), f"{where}, [defaults]")
    try:
        reader = _Reader(folder, translator, defaults)
    except FileError as error:
        raise FileError(f"{where}, {error}") from error
    jobs: list[Job] = []
    places: dict[str, str] = {}
    for place, entry in _entries(data, text, where):
        try:
            made = list(reader.jobs(entry))
        except TrtkitError as error:
            raise FileError(f"{place}: {error}") from error
        for job in made:
            if job.name in places:
                raise FileError(
                    f"{place}: there is a job {job.name!r} already, from {places[job.name]}; give one of them a name, "
                    "such as name = 'quick-{model}'"
                )
            places[job.name] = place
            jobs.append(job)
    if not jobs:
        raise FileError(f"{where}: it describes no job; each begins with [[jobs]]")
    try:
        check_independent({job.name: job.plan for job in jobs}, {job.name: job.files for job in jobs})
    except UsageError as error:
        raise FileError(f"{where}: {error}") from error
    return Suite(str(path), folder, jobs)


def _entries(data: Mapping[str, Any], text: str, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each entry with the words for where it stands; the matrix of the file itself is one."""
    if "matrix" in data:
        yield f"{where}, [matrix]", {"matrix": data["matrix"]}
    entries = data.get("jobs", [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise FileError(f"{where}: each entry begins with [[jobs]], in double brackets")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _HEADER.match(line)]
    for number, entry in enumerate(entries, 1):
        line = f" (line {lines[number - 1]})" if len(lines) == len(entries) else ""
        yield f"{where}, entry {number} of [[jobs]]{line}", entry


class _Reader:
    """Makes jobs of entries."""

    def __init__(self, folder: Path, translator: Translator, defaults: Mapping[str, Any]) -> None:
        self._folder = folder
        self._translator = translator
        self._keys = (*_OWN, *translator.keys)
        if "name" in defaults:
            raise FileError("[defaults]: a name belongs to an entry of [[jobs]]")
        if "matrix" in defaults:
            raise FileError("[defaults]: a matrix belongs to an entry of [[jobs]], or stands by itself as [matrix]")
        self._defaults = self._checked(defaults, "[defaults]: ")

    def jobs(self, entry: Mapping[str, Any]) -> Iterator[Job]:
        """The jobs of an entry."""
        matrix = dict(_table(entry.get("matrix", {}), "matrix"))
        own = {**self._defaults, **self._checked({key: each for key, each in entry.items() if key != "matrix"})}
        name = own.pop("name", None)
        if name is not None and (not isinstance(name, str) or not name.strip() or not name.isprintable()):
            raise FileError(f"name is {name!r}; expected text on one line")
        if "model" in own and "model" not in matrix:
            model = own.pop("model")
            matrix = {"model": model if isinstance(model, list) else [model], **matrix}
        axes = [
            axis_of(key, values, key in self._keys, key in self._keys and self._reads(key) != "", self._expanded)
            for key, values in matrix.items()
            if key not in ("include", "exclude")
        ]
        # By the first spelling of each key, in which no two of them are the same.
        axes = [Axis(axis.name, [Point(p.label, self._checked(p.values)) for p in axis.points]) for axis in axes]
        several = {axis.name for axis in axes if len(axis.points) > 1}
        for each in combinations(axes, matrix):
            job = self._job(_name(name, each, several), {**own, **self._checked(each.values)})
            yield replace(job, labels=each.labels)

    def _checked(self, values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """The same by the first spelling of each key.

        Raises:
            FileError: there is no such key, or it is there in two spellings.
        """
        found: dict[str, Any] = {}
        for key, value in values.items():
            if key not in self._keys:
                hint = did_you_mean(key, self._keys)
                raise FileError(
                    f"{where}unknown key {key!r}{hint} (known: {', '.join(_OWN)}, matrix, and the long options of "
                    "trtkit run without their dashes)"
                )
            first = key if key in _OWN else self._translator.canonical(key)
            if first in found:
                raise FileError(f"{where}{key!r} is another spelling of {first!r}, and both are there")
            found[first] = value
        return found

    def _reads(self, key: str) -> str:
        if key == "model":
            return "one"
        return "" if key in _OWN else self._translator.reads(key)

    def _expanded(self, text: str) -> list[str]:
        """The files that a path stands for, relative as it is."""
        if not is_pattern(text) or (self._folder / text).exists():
            return [text]
        found = sorted(glob.glob(text, root_dir=self._folder, recursive=True))
        if not found:
            raise FileError(f"no file matches {text!r} in {str(self._folder)!r}")
        return found

    def _many(self, key: str, value: Any) -> list[str]:
        """A list of paths with its globs expanded."""
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in texts):
            raise FileError(f"{key} is {value!r}; expected paths")
        return [path for text in texts for path in self._expanded(text)]

    def _job(self, name: str, values: dict[str, Any]) -> Job:
        try:
            return self._made(name, values)
        except TrtkitError as error:
            raise FileError(f"job {name!r}: {error}") from error

    def _made(self, name: str, values: dict[str, Any]) -> Job:
        model, runners = values.pop("model", None), values.pop("runners", [])
        if model is not None and not isinstance(model, str):
            raise FileError(f"model is {model!r}; expected a path")
        runners = [runners] if isinstance(runners, str) else runners
        if not isinstance(runners, list) or not all(isinstance(each, str) for each in runners):
            raise FileError(f"runners is {runners!r}; expected a list such as ['trt', 'onnxrt']")
        files = self._many("files", values.pop("files", []))
        for each in files:
            if not (self._folder / each).exists():  # or a change would never be seen, which --resume relies on
                raise FileError(f"files: there is no {each!r} in {str(self._folder)!r}")
        seconds = parse_seconds(values.pop("time-limit", DEFAULT_SECONDS))
        memory = parse_memory(values.pop("memory-limit", "none"))
        gpus = values.pop("gpus", None)
        if gpus is not None and (not isinstance(gpus, int) or isinstance(gpus, bool) or gpus < 0):
            raise FileError(f"gpus is {gpus!r}; expected a number of GPUs")
        for key, value in values.items():
            if self._reads(key) == "many":
                values[key] = self._many(key, value)
            elif key.startswith(("save-", "report")):
                values[key] = _with_job(value, name)
        words = self._translator.words(model, runners, values)
        plan = with_paths(self._translator.plan(words), self._absolute)
        whole = tuple(self._absolute(each) for each in files)
        return Job(name, words, plan, whole, seconds, memory, _gpus(plan) if gpus is None else gpus)

    def _absolute(self, path: str) -> str:
        return os.path.normpath(self._folder / path)


def _name(template: str | None, job: Combination, several: Collection[str]) -> str:
    """The name of a job: the template with its axes, or with what tells it from its neighbours behind it."""
    labels = job.labels
    if template is None:
        parts = [label for axis, label in labels.items() if axis == "model" or axis in several]
        return "/".join(parts) or "/".join(labels.values()) or "job"
    pieces = _pieces(template)
    used = [axis for _, axis in pieces if axis is not None]
    for each in used:
        if each not in labels:
            raise FileError(f"name: there is no axis {each!r} for {{{each}}}{did_you_mean(each, labels)}")
    filled = "".join(text + ("" if axis is None else labels[axis]) for text, axis in pieces)
    return filled if used else "/".join([filled, *(label for axis, label in labels.items() if axis in several)])


def _pieces(template: str) -> list[tuple[str, str | None]]:
    """The texts of a name's template, each with the axis in braces behind it.

    Raises:
        FileError: there is something else in braces.
    """
    try:
        parts = list(Formatter().parse(template))
    except ValueError:  # a brace alone
        parts = [("", "", "?", None)]
    if any(form or conversion for _, _, form, conversion in parts):
        raise FileError(f"name is {template!r}; expected braces around names of axes only, such as 'quick-{{model}}'")
    return [(text, axis) for text, axis, _, _ in parts]


def _with_job(value: Any, name: str) -> Any:
    """A path that is written, with the job's name for `{job}`."""
    if isinstance(value, list):
        return [_with_job(each, name) for each in value]
    slug = re.sub(r"[^\w.+-]+", "-", name)
    return value.replace("{job}", slug) if isinstance(value, str) else value


def _gpus(plan: RunPlan) -> int:
    """How many GPUs a plan needs as far as can be told: one where TensorRT or CUDA runs the model."""

    def on_gpu(provider: str) -> bool:
        return any(word in provider.casefold() for word in ("cuda", "tensorrt"))

    return int(
        any(
            runner.backend == "trt" or any(map(on_gpu, runner.options.get("providers") or ()))
            for runner in plan.named_runners
        )
    )


def _table(value: Any, what: str) -> Mapping[str, Any]:
    """A table of the file as it is."""
    if not isinstance(value, dict):
        raise FileError(f"{what}: expected a table")
    return value
