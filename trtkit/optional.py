"""The one gate through which third-party packages are imported."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trtkit.errors import MissingPackageError, one_line

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["require"]


def require(module: str, install: str, purpose: str = "") -> ModuleType | Any:
    """Import `module`, or say what to install.

    Args:
        module: dotted name, e.g. `onnxruntime`.
        install: what `pip install` needs for it: a requirement such as `trtkit[safetensors]`.
        purpose: what it was needed for, as in "reading .safetensors files".

    Raises:
        MissingPackageError: the package is not installed, or breaks while it is imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        wanted = f"{purpose} needs" if purpose else "this needs"
        missing = isinstance(error, ModuleNotFoundError) and error.name is not None and module.startswith(error.name)
        why = "which is not installed" if missing else f"which cannot be imported ({one_line(error)})"
        raise MissingPackageError(
            f"{wanted} the Python package {module.partition('.')[0]!r}, {why}; run: pip install '{install}'"
        ) from error
