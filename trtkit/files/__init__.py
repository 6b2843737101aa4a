"""Saved inputs and outputs on disk: one module per format, and the table of their suffixes.

A format is a module with two members (`FormatModule`):

    read(path: Path, assumed: SavedKind) -> Saved            lazy: iterations are read when asked for
    open_writer(path: Path, kind: SavedKind) -> Writer       writes iterations as they come

`assumed` is what to take a file for that does not say what it holds, such as a plain archive of numpy's.

The kind of the data is told by content, the format by the suffix: a path without one is a folder, and any other suffix
than those of `FORMATS` is JSON, with a warning. Nothing is ever unpickled. Importing this module imports no format.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from trtkit.errors import FileError, UsageError
from trtkit.results import Array, Iteration, Saved, SavedKind, Writer
from trtkit.suggest import did_you_mean, listing, near_files

__all__ = [
    "FORMATS",
    "Format",
    "FormatModule",
    "format_of",
    "load_inputs",
    "load_outputs",
    "open_writer",
    "read",
    "read_inputs",
    "read_outputs",
    "save_inputs",
    "save_outputs",
]


class FormatModule(Protocol):
    """What the module of a format offers."""

    def read(self, path: Path, assumed: SavedKind = "inputs") -> Saved:
        """Open saved data lazily."""

    def open_writer(self, path: Path, kind: SavedKind) -> Writer:
        """Write data as it comes."""


@dataclass(frozen=True)
class Format:
    """One row of the table.

    Attributes:
        suffix: in lower case, with its dot; empty for a folder.
        module: dotted path of its `FormatModule`.
        layout: what it is, in a few words.
    """

    suffix: str
    module: str
    layout: str

    def load(self) -> FormatModule:
        """Import the format's module."""
        return cast("FormatModule", importlib.import_module(self.module))


FORMATS: tuple[Format, ...] = (
    Format(".json", "trtkit.files.json_format", "Polygraphy's JSON"),
    Format(".npz", "trtkit.files.npz", "numpy's archive"),
    Format(".safetensors", "trtkit.files.safetensors_format", "Hugging Face's safetensors"),
    Format("", "trtkit.files.npy_folder", "a folder of .npy files"),
)

_BY_SUFFIX = {row.suffix: row for row in FORMATS}
_FLAGS: dict[SavedKind, str] = {"inputs": "--load-inputs", "outputs": "--load-outputs"}


def format_of(path: str | Path, doing: Literal["written", "read"] = "written") -> Format:
    """The format of a path, by its suffix; JSON, with a warning, where the suffix is unknown.

    When reading, a folder is a folder whatever its suffix, and a file without a suffix is JSON.
    """
    path = Path(path)
    found = _BY_SUFFIX.get(path.suffix.lower())
    if doing == "read":
        if path.is_dir():
            return _BY_SUFFIX[""]
        if not path.suffix and path.is_file():
            return _BY_SUFFIX[".json"]
    if found is None:
        hint = did_you_mean(path.suffix, (row.suffix for row in FORMATS if row.suffix))
        logging.getLogger(__name__).warning(
            "%r is not a known suffix: %s is %s as JSON%s", path.suffix, path, doing, hint
        )
        found = _BY_SUFFIX[".json"]
    return found


def read(path: str | Path) -> Saved:
    """Open saved inputs or outputs; iterations are read when they are asked for.

    A plain archive, safetensors file or folder of .npy files, which does not say what it holds, is one iteration of
    inputs.

    Raises:
        FileError: there is no such file, or it is not what its suffix says. A damaged iteration raises when it is
            asked for.
    """
    return _read(path, "inputs")


def read_inputs(path: str | Path) -> Saved:
    """As `read`, for inputs.

    Raises:
        FileError: as `read`; also where the file holds outputs.
    """
    return _read_kind(path, "inputs")


def read_outputs(path: str | Path) -> Saved:
    """As `read`, for outputs; files that do not say what they hold are one iteration of one run, named after the file.

    Raises:
        FileError: as `read`; also where the file holds inputs.
    """
    return _read_kind(path, "outputs")


def open_writer(path: str | Path, kind: SavedKind) -> Writer:
    """A writer in the format of the path's suffix, which creates its temporary file at once.

    Raises:
        FileError: nothing can be written there.
    """
    return format_of(path).load().open_writer(Path(path), kind)


def save_inputs(feeds: Mapping[str, Array] | Iterable[Mapping[str, Array]], path: str | Path) -> None:
    """Save inputs, in the format of the path's suffix.

    Args:
        feeds: for each iteration the arrays by input name; a single mapping is one iteration. An iterable is consumed
            as it is written, so a generator needs the memory of one iteration only.
        path: the file, or without a suffix the folder, to write; the parent folder must be there.

    Raises:
        FileError: it cannot be written, or an array holds objects or strings.
        UsageError: `feeds` is something else.
    """
    _save(feeds, path, "inputs", "")


def save_outputs(
    outputs: Mapping[str, Array] | Iterable[Mapping[str, Array]], path: str | Path, runner_name: str = "custom"
) -> None:
    """Save the outputs of one runner, in the format of the path's suffix.

    Args:
        outputs: as the feeds of `save_inputs`; the runtime of an `Iteration` is kept.
        path: as for `save_inputs`.
        runner_name: who made them, as comparisons will call it.

    Raises:
        FileError: it cannot be written, or an array holds objects or strings.
        UsageError: `outputs` is something else.
    """
    _save(outputs, path, "outputs", runner_name)


def load_inputs(path: str | Path) -> list[dict[str, Array]]:
    """All saved inputs at once: for each iteration the arrays by name, in memory and writable.

    `read_inputs` reads the same one iteration at a time.

    Raises:
        FileError: as `read_inputs`, or some iteration is damaged.
    """
    return [
        {name: array if array.flags.writeable else array.copy("K") for name, array in feed.items()}
        for feed in read_inputs(path).feeds()
    ]


def load_outputs(path: str | Path) -> Saved:
    """Saved outputs, run by run; iterations are read when they are asked for.

    Raises:
        FileError: as `read_outputs`.
    """
    return read_outputs(path)


def _read(path: str | Path, assumed: SavedKind) -> Saved:
    path = Path(path)
    if not path.exists():
        raise FileError(f"there is no file or folder {str(path)!r}{near_files(path)}")
    return format_of(path, "read").load().read(path, assumed)


def _read_kind(path: str | Path, kind: SavedKind) -> Saved:
    saved = _read(path, kind)
    if saved.kind != kind:
        of = f" of {listing(run.name for run in saved.runs)}" if saved.kind == "outputs" else ""
        raise FileError(
            f"{str(path)!r} holds saved {saved.kind}{of}, not {kind}; load it with {_FLAGS[saved.kind]} instead of "
            f"{_FLAGS[kind]}"
        )
    return saved


def _save(data: object, path: str | Path, kind: SavedKind, runner_name: str) -> None:
    with open_writer(path, kind) as writer:
        for arrays in _iterations(data, kind):
            runtime = arrays.runtime if isinstance(arrays, Iteration) else None
            writer.write(Iteration(arrays, runner_name, runtime))


def _iterations(data: object, kind: SavedKind) -> Iterator[Mapping[str, Any]]:
    if isinstance(data, Mapping):
        yield data
        return
    if not isinstance(data, Iterable):
        raise UsageError(
            f"{kind} are saved from a dict of arrays, or several of them, not from {type(data).__name__!r}"
        )
    for index, arrays in enumerate(data):
        if not isinstance(arrays, Mapping):
            raise UsageError(f"iteration {index} of the {kind} is no dict of arrays, but {type(arrays).__name__!r}")
        yield arrays
