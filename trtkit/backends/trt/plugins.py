"""Plugin libraries: TensorRT's own and the user's."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trtkit.backends.trt.api import has, title, trt
from trtkit.backends.trt.logger import collect, trt_logger
from trtkit.errors import FileError, ModelError, one_line
from trtkit.suggest import near_files

__all__ = ["load_plugins", "plugin_names"]

_loaded: set[tuple[str, Path]] = set()


def load_plugins(paths: Iterable[Path]) -> None:
    """Register TensorRT's own plugins, and those of the libraries at `paths`, for the whole process.

    A library that is loaded already is left as it is: TensorRT would register its plugins twice.

    Raises:
        FileError: there is no such library.
        ModelError: it cannot be loaded, or has no plugins.
    """
    module = trt()
    with collect() as messages:
        if not module.init_libnvinfer_plugins(trt_logger(), ""):
            raise ModelError(f"{title()} cannot register its own plugins: {messages.text()}")
    for path in paths:
        if not path.is_file():
            raise FileError(f"--plugins: there is no library {str(path)!r}{near_files(path)}")
        key = (module.__name__, path.resolve())
        if key not in _loaded:
            _load(path)
            _loaded.add(key)


def plugin_names() -> set[str]:
    """The names of all plugins that are registered."""
    return {str(creator.name) for creator in _creators(trt().get_plugin_registry())}


def _load(path: Path) -> None:
    """Load one library: through the registry, else as libraries are loaded that register themselves when they are."""
    registry = trt().get_plugin_registry()
    whole = str(path.resolve())
    with collect() as messages:
        if registry.load_library(whole) is not None and not messages.errors:
            return
        before = _count(registry)
        try:
            ctypes.CDLL(whole, ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise ModelError(f"--plugins: cannot load {str(path)!r}: {one_line(error)}") from error
        if _count(registry) == before:
            raise ModelError(f"--plugins: {str(path)!r} has no plugins for {title()}")
        messages.errors.clear()  # of the first way, which was not needed


def _count(registry: Any) -> int:
    return len(_creators(registry))


def _creators(registry: Any) -> list[Any]:
    members = ("all_creators", "plugin_creator_list")  # the newer one first: in some releases the other lacks new kinds
    return list(getattr(registry, next(member for member in members if has(f"IPluginRegistry.{member}"))))
