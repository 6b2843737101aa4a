"""Which model a baseline was made from: file names and hashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trtkit.fingerprint import file_sha256, short
from trtkit.models import ModelFile, ModelKind

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ModelIdentity", "identify"]

_WORDS: dict[ModelKind, str] = {
    "onnx": "an ONNX model",
    "engine": "an engine",
    "trt-network-script": "a network script",
}


@dataclass(frozen=True)
class ModelIdentity:
    """A model by its content.

    Attributes:
        file: the file's name, without folders.
        kind: what it is.
        sha256: of the file.
        function: of a network script, where one was named.
        external_data: the hash of each file of external weights, by the location that the model gives.
    """

    file: str
    kind: ModelKind
    sha256: str
    function: str | None = None
    external_data: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Name, function and shortened hash."""
        function = "" if self.function is None else f":{self.function}"
        return f"{self.file}{function} (sha256 {short(self.sha256)})"

    @property
    def kind_text(self) -> str:
        """The kind in words."""
        return _WORDS[self.kind]

    def difference(self, other: ModelIdentity) -> str:
        """In what another model differs, as the second half of a sentence; empty where it is the same one.

        The file's name does not count.
        """
        if (self.kind, self.sha256, self.function) != (other.kind, other.sha256, other.function):
            return f"it was made from {self.text}, and this is {other.text}"
        for location in (*self.external_data, *other.external_data):
            mine, theirs = self.external_data.get(location), other.external_data.get(location)
            if mine != theirs:
                hashes = " and now ".join(
                    "none" if each is None else f"sha256 {short(each)}" for each in (mine, theirs)
                )
                return f"it was made from {self.text} with other external data: {location!r} was {hashes}"
        return ""

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "file": self.file,
            "kind": self.kind,
            "function": self.function,
            "sha256": self.sha256,
            "external_data": dict(self.external_data),
        }


def identify(file: ModelFile, external_data_dir: Path | None = None) -> ModelIdentity:
    """Hash a model's file, and those of its external weights.

    Args:
        file: the model.
        external_data_dir: where external weights are, if not beside it.

    Raises:
        FileError: a file is missing or cannot be read.
        ModelError: it is no ONNX model, or external weights are missing.
    """
    file.check_exists()
    data: dict[str, str] = {}
    if file.kind == "onnx":
        from trtkit.backends.onnx.external import external_files

        data = {name: file_sha256(path) for name, path in external_files(file.path, external_data_dir).items()}
    return ModelIdentity(file.path.name, file.kind, file_sha256(file.path), file.function, data)
