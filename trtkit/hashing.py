"""Which model it was: the size and the SHA-256 of its file and of those that hold its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trtkit.errors import FileError, TrtkitError
from trtkit.fingerprint import file_sha256
from trtkit.models import ModelFile

__all__ = ["HashedFile", "HashedModel", "hash_file", "hash_model", "hashed_as_far_as_possible"]


@dataclass(frozen=True)
class HashedFile:
    """A file by what is in it.

    Attributes:
        path: as it was given; of external data, as the model's folder and the model put it.
        bytes: its size.
        sha256: in hexadecimal digits.
    """

    path: str
    bytes: int
    sha256: str

    def to_data(self) -> dict[str, Any]:
        """As a plain dictionary."""
        return dict(vars(self))


@dataclass(frozen=True)
class HashedModel:
    """A model by what is in its files; `external` are those beside an ONNX file that hold weights, None if unknown."""

    file: HashedFile
    kind: str
    external: tuple[HashedFile, ...] | None = ()

    def to_data(self) -> dict[str, Any]:
        """As a plain dictionary."""
        external = None if self.external is None else [each.to_data() for each in self.external]
        file = self.file
        head = {"path": file.path, "kind": self.kind, "bytes": file.bytes, "sha256": file.sha256}
        return {**head, "external_data": external}


def hash_file(path: Path) -> HashedFile:
    """Read a file piece by piece.

    Raises:
        FileError: it cannot be read.
    """
    if not path.is_file():
        raise FileError(f"cannot read {str(path)!r}: there is no such file")  # nor is waited for a pipe
    return HashedFile(str(path), path.stat().st_size, file_sha256(path))


def hash_model(model: ModelFile, external_data_dir: Path | None = None) -> HashedModel:
    """Read a model's file, and of an ONNX model all files that it names for its weights.

    Args:
        model: the model.
        external_data_dir: where external data is looked for, if not beside the model.

    Raises:
        FileError: a file cannot be read.
        ModelError: it is no ONNX model, though it is said to be one.
    """
    whole = hash_file(model.path)
    if model.kind != "onnx":
        return HashedModel(whole, model.kind)
    from trtkit.backends.onnx.external import external_files

    files = external_files(model.path, external_data_dir).values()
    return HashedModel(whole, model.kind, tuple(map(hash_file, files)))


def hashed_as_far_as_possible(model: ModelFile | None, external_data_dir: Path | None) -> Sequence[HashedModel]:
    """The model for a report: less where it cannot be read, since the report says elsewhere that a run has failed."""
    if model is None:
        return ()
    try:
        return (hash_model(model, external_data_dir),)
    except (TrtkitError, OSError):
        pass
    try:
        return (HashedModel(hash_file(model.path), model.kind, None),)
    except (TrtkitError, OSError):
        return ()
