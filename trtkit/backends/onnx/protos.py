"""ONNX's message classes without the `onnx` package around them.

`import onnx` takes 100 ms and more, most of it for numpy and helpers that reading a model's structure does not need
(docs/decisions/0008-onnx-messages.md). The classes are made by one generated file of the package, which needs nothing
but protobuf. Protobuf keeps one class for each message, so `onnx.ModelProto`, imported later, is the same class.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.optional import require

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["protos"]

_FILE = "onnx_ml_pb2.py"


@lru_cache(maxsize=1)
def protos() -> ModuleType | Any:
    """The module with `ModelProto` and the other messages; the whole package where it is imported already.

    Raises:
        MissingPackageError: there is no `onnx` package.
    """
    if "onnx" not in sys.modules:
        found = importlib.util.find_spec("onnx")
        folders = found.submodule_search_locations if found is not None else None
        paths = [path for folder in folders or () if (path := Path(folder) / _FILE).is_file()]
        if paths:
            require("google.protobuf", "protobuf", "reading ONNX models")
            spec = importlib.util.spec_from_file_location(f"{__name__}.onnx_ml_pb2", paths[0])
            assert spec is not None  # it is a Python file
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    return require("onnx", "onnx", "reading ONNX models")
