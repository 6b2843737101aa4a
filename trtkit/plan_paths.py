"""No file of a run is read and written, or written twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trtkit.errors import UsageError
from trtkit.models import ModelFile

__all__ = ["check_paths", "script_file"]


def check_paths(
    loads: Sequence[str], saved: Sequence[str], model: ModelFile | None, folders: Sequence[str] = ()
) -> None:
    """Stop where the files of a run get in each other's way.

    Args:
        loads: what is read, beside the model.
        saved: what is written.
        model: the model, where there is one.
        folders: those of `saved` that are folders and hold nothing else.

    Raises:
        UsageError: a path is empty, two files are one, one is inside another that is read, or a file is inside a folder
            that is replaced as a whole.
    """
    if "" in (*loads, *saved):
        raise UsageError("a path to load or save is empty, as from a variable that is not set")
    taken: dict[Path, str] = {}
    for path in saved:
        whole = Path(path).resolve()
        if whole in taken and path != ".":
            raise UsageError(f"two options would write {path!r}; give each a file of its own")
        taken[whole] = path
    for load in loads:
        for path in saved:
            if _overlap(Path(load).resolve(), Path(path).resolve()) and path != ".":
                raise UsageError(f"{load!r} would be read while {path!r} is written; save somewhere else")
    for folder in folders:
        for path in saved:
            if Path(folder).resolve() in Path(path).resolve().parents:
                raise UsageError(f"{path!r} is inside {folder!r}, which is replaced as a whole; save it somewhere else")
    if model is not None and model.path.resolve() in taken:
        raise UsageError(f"{str(model.path)!r} is the model itself; save somewhere else")


def script_file(text: str) -> str:
    """The file of `file.py:function`."""
    head, _, _ = text.rpartition(":")
    return head if head.endswith(".py") else text


def _overlap(one: Path, other: Path) -> bool:
    return one == other or one in other.parents or other in one.parents
