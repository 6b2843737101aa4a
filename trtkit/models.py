"""Model files: where a model is and what kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from trtkit.errors import FileError, UsageError
from trtkit.suggest import did_you_mean, near_files

__all__ = ["MODEL_KINDS", "ModelFile", "ModelKind"]

ModelKind = Literal["onnx", "engine", "trt-network-script"]
MODEL_KINDS: tuple[ModelKind, ...] = get_args(ModelKind)

_SUFFIXES: dict[str, ModelKind] = {
    ".onnx": "onnx",
    ".engine": "engine",
    ".plan": "engine",
    ".trt": "engine",
    ".py": "trt-network-script",
}


@dataclass(frozen=True)
class ModelFile:
    """A model on disk.

    Attributes:
        path: the file.
        kind: what is in it.
        function: the function of a network script, where one was named (`file.py:function`).
    """

    path: Path
    kind: ModelKind
    function: str | None = None

    @classmethod
    def parse(cls, text: str | Path, kind: str | None = None) -> ModelFile:
        """Read `PATH` or `PATH.py:FUNCTION`; the kind is guessed from the suffix unless it is given.

        Raises:
            UsageError: the suffix says nothing and no kind is given, or a function is named for a file that is
                no script.
        """
        path, function = Path(text), None
        head, colon, tail = str(text).rpartition(":")
        if colon and head.endswith(".py"):
            path, function = Path(head), tail
        if kind is None:
            kind = _SUFFIXES.get(path.suffix.lower())
            if kind is None:
                hint = did_you_mean(path.suffix, _SUFFIXES)
                raise UsageError(
                    f"cannot tell what kind of model {str(path)!r} is from its suffix{hint} "
                    f"(known: {', '.join(_SUFFIXES)}); say it with --model-type {'|'.join(MODEL_KINDS)}"
                )
        if kind not in MODEL_KINDS:
            raise UsageError(f"unknown model type {kind!r}; it is one of {', '.join(MODEL_KINDS)}")
        if function is not None and kind != "trt-network-script":
            raise UsageError(f"{text!s} names a function, but a model of type {kind!r} has none")
        return cls(path, kind, function)

    @property
    def text(self) -> str:
        """As one writes it: the path, with the function of a network script."""
        return str(self.path) if self.function is None else f"{self.path}:{self.function}"

    def check_exists(self) -> None:
        """Raise FileError, naming neighbours with similar names, unless the file is there and readable."""
        if self.path.is_file():
            try:
                with self.path.open("rb"):
                    return
            except OSError as error:
                raise FileError(f"cannot read the model {str(self.path)!r}: {error.strerror}") from error
        if self.path.is_dir():
            raise FileError(f"the model {str(self.path)!r} is a folder, not a file")
        raise FileError(f"there is no model file {str(self.path)!r}{near_files(self.path)}")
