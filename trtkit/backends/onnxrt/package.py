"""The one place where ONNX Runtime is imported."""

from __future__ import annotations

import os
from typing import Any

from trtkit.optional import require

__all__ = ["import_onnxruntime"]


def import_onnxruntime(submodule: str = "", purpose: str = "the backend onnxrt") -> Any:
    """ONNX Runtime, or one of its submodules, without its telemetry.

    Official builds from 1.29 on report model file names and hashes to their vendor unless `ORT_DISABLE_TELEMETRY` is
    set when the library is loaded. Whoever sets the variable, to whatever value, keeps that value.

    Raises:
        MissingPackageError: it is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return require(f"onnxruntime.{submodule}" if submodule else "onnxruntime", "onnxruntime", purpose)
