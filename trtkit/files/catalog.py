"""What names and bytes alone do not say: kind, runs, runtimes, true names, order and types of tensors.

Formats that keep each tensor under a path of its own (.npz, .safetensors, a folder) write one such catalogue as JSON:

    {"format": "trtkit", "version": 1, "kind": "outputs",
     "tensors": {"y": {"name": "y"}, "a%2Fb": {"name": "a/b", "dtype": "bfloat16"}},
     "layouts": [["y", "a%2Fb"]],
     "runs": [{"name": "onnxrt", "folder": "onnxrt", "layout": [0, 0], "runtimes": [0.25, null]}]}

A tensor is stored under `FOLDER/0000000000/STEM`, for inputs without the folder. `tensors` maps stems to names, with a
data type where the format cannot express it. `layout` gives for each iteration the index of its list of stems in
`layouts`; nearly always there is a single list. Runtimes are in seconds.
"""

from __future__ import annotations

import json
import math
from array import array as compact_array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from trtkit.errors import FileError, one_line
from trtkit.files.base import Lazy, describe, parse_json
from trtkit.files.names import FileNames, iteration_name
from trtkit.files.stored import Stored, StoredIteration
from trtkit.results import Iteration, Run, Saved, SavedKind

__all__ = ["CATALOG_NAME", "Catalog", "is_catalog"]

CATALOG_NAME = "trtkit.json"
_VERSION = 1


class _Tensor(NamedTuple):
    name: str
    dtype: str | None


@dataclass
class _RunEntry:
    name: str
    folder: str
    layout: compact_array[int] = field(default_factory=lambda: compact_array("L"))
    runtimes: compact_array[float] = field(default_factory=lambda: compact_array("d"))  # NaN where not measured

    def place(self, index: int) -> str:
        name = iteration_name(index)
        return f"{self.folder}/{name}" if self.folder else name


class Catalog:
    """The catalogue while files are written, and again while they are read.

    It grows by a few bytes per iteration.

    Attributes:
        kind: what is saved.
        raw: the tensors are bytes without type and shape, which cannot be read back.
    """

    def __init__(self, kind: SavedKind, *, raw: bool = False) -> None:
        self.kind = kind
        self.raw = raw
        self._runs = {"": _RunEntry("", "")} if kind == "inputs" else {}
        self._tensors: dict[str, _Tensor] = {}
        self._layouts: dict[tuple[str, ...], int] = {}
        self._stems = FileNames()
        self._folders = FileNames(reserved=[CATALOG_NAME])

    def place(self, iteration: Iteration, dtypes: dict[str, str | None]) -> tuple[str, dict[str, str]]:
        """Register the next iteration of its run.

        Args:
            iteration: whose runner and runtime are noted.
            dtypes: for each tensor the type that the format cannot express, or None.

        Returns:
            The path of the iteration, and for each tensor its stem there.
        """
        name = iteration.runner_name if self.kind == "outputs" else ""
        if name not in self._runs:
            self._runs[name] = _RunEntry(name, self._folders.stem(name, name) if self.kind == "outputs" else "")
        run = self._runs[name]
        stems = {}
        for tensor, dtype in dtypes.items():
            stems[tensor] = self._stems.stem((tensor, dtype), tensor)
            self._tensors[stems[tensor]] = _Tensor(tensor, dtype)
        place = run.place(len(run.layout))
        run.layout.append(self._layouts.setdefault(tuple(stems.values()), len(self._layouts)))
        run.runtimes.append(math.nan if iteration.runtime is None else iteration.runtime)
        return place, stems

    def to_json(self) -> bytes:
        """The catalogue as JSON, as in this module's docstring."""
        tensors = {
            stem: {"name": tensor.name} | ({"dtype": tensor.dtype} if tensor.dtype else {})
            for stem, tensor in self._tensors.items()
        }
        runs = [
            {
                "name": run.name,
                "folder": run.folder,
                "layout": list(run.layout),
                "runtimes": [time if math.isfinite(time) else None for time in run.runtimes],
            }
            for run in self._runs.values()
        ]
        content: dict[str, Any] = {"format": "trtkit", "version": _VERSION, "kind": self.kind}
        if self.raw:
            content["raw"] = True
        return json.dumps(content | {"tensors": tensors, "layouts": list(self._layouts), "runs": runs}).encode()

    @classmethod
    def parse(cls, text: bytes, path: Path) -> Catalog:
        """Read a catalogue back; nothing in it is trusted.

        Raises:
            FileError: it is damaged, of a newer version, or not a catalogue.
        """
        content = parse_json(text, f"the catalogue in {str(path)!r}")
        if not is_catalog(content):
            raise FileError(f"cannot read {str(path)!r}: its catalogue ({CATALOG_NAME}) was not written by trtkit")
        if content.get("version") != _VERSION:
            raise FileError(
                f"cannot read {str(path)!r}: it was written by another trtkit (format version "
                f"{content.get('version')!r}, this one reads {_VERSION}); update trtkit"
            )
        try:
            return cls._from_content(content)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            raise FileError(f"cannot read {str(path)!r}: its catalogue ({CATALOG_NAME}) is damaged") from error

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> Catalog:
        if content["kind"] not in ("inputs", "outputs"):
            raise ValueError(content["kind"])
        catalog = cls(content["kind"], raw=content.get("raw") is True)
        for stem, tensor in content["tensors"].items():
            catalog._tensors[_safe(stem)] = _Tensor(str(tensor["name"]), tensor.get("dtype"))
        for index, layout in enumerate(content["layouts"]):
            if not all(stem in catalog._tensors for stem in layout):
                raise ValueError("a tensor is not listed")
            catalog._layouts[tuple(layout)] = index
        for entry in content["runs"]:
            folder = _safe(entry["folder"]) if catalog.kind == "outputs" else ""
            runtimes = [math.nan if time is None else time for time in entry["runtimes"]]
            run = _RunEntry(str(entry["name"]), folder)
            run.layout.extend(entry["layout"])
            run.runtimes.extend(runtimes)
            if len(run.layout) != len(run.runtimes) or any(at >= len(catalog._layouts) for at in run.layout):
                raise ValueError("layouts and runtimes do not fit")
            catalog._runs[run.name] = run
        return catalog

    def folders(self) -> set[str]:
        """The top-level names under which tensors are stored."""
        if self.kind == "outputs":
            return {run.folder for run in self._runs.values()}
        return {iteration_name(at) for run in self._runs.values() for at in range(len(run.layout))}

    def saved(self, path: Path, stored: Callable[[str, str | None, str], Stored]) -> Saved:
        """The saved data, lazily.

        Args:
            path: of the file, for messages.
            stored: the tensor with this path below the top, this data type where the format does not say it, and this
                description for messages.
        """
        return Saved(self.kind, tuple(self._run(run, path, stored) for run in self._runs.values()))

    def _run(self, run: _RunEntry, path: Path, stored: Callable[[str, str | None, str], Stored]) -> Run:
        layouts = list(self._layouts)

        def get(index: int) -> StoredIteration:
            arrays = {}
            for stem in layouts[run.layout[index]]:
                tensor = self._tensors[stem]
                where = describe(path, self.kind, run.name, index, tensor.name)
                arrays[tensor.name] = stored(f"{run.place(index)}/{stem}", tensor.dtype, where)
            runtime = run.runtimes[index]
            return StoredIteration(arrays, run.name, None if math.isnan(runtime) else runtime)

        return Run(run.name, Lazy(len(run.layout), get))


def is_catalog(content: object) -> bool:
    """Whether parsed JSON says that it is a catalogue."""
    return isinstance(content, dict) and content.get("format") == "trtkit"


def _safe(name: str) -> str:
    if "/" in name or "\0" in name or name in ("", ".", ".."):
        raise ValueError(f"{one_line(name)!r} is no file name")
    return name
