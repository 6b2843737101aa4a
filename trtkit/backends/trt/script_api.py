"""What a user's network script may import from trtkit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["extend_onnx", "onnx_file_of"]

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "_trtkit_extends_onnx"


def extend_onnx(path: str | Path) -> Callable[[F], F]:
    """Let a network function start from an ONNX file: it is parsed into `network` before the function is called.

        @extend_onnx("model.onnx")
        def load_network(network): ...

    The function itself stays as it is.

    Args:
        path: the .onnx file, relative to the folder of the script.

    Raises:
        TypeError: no path was given.
    """
    if not isinstance(path, (str, Path)):
        raise TypeError('@extend_onnx needs the path of the ONNX file, as in @extend_onnx("model.onnx")')

    def mark(function: F) -> F:
        setattr(function, _MARK, Path(path))
        return function

    return mark


def onnx_file_of(function: object) -> Path | None:
    """The path that `extend_onnx` was given for this function; None where it is not decorated."""
    path = getattr(function, _MARK, None)
    return path if isinstance(path, Path) else None
