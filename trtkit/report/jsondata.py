"""What the `inspect` commands print with `--json`: an envelope that says what it is, and plain data as JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trtkit.plain_data import plain

if TYPE_CHECKING:
    from trtkit.tensors import TensorSpec

__all__ = ["SCHEMA_VERSION", "dumps", "enveloped", "tensor_data"]

SCHEMA_VERSION = 1
"""Of every schema of `inspect`; keys are added within a version, never renamed, and never mean something else."""


def enveloped(subtool: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Data of `inspect SUBTOOL`, with `schema` (`trtkit.inspect-SUBTOOL`) and `schema_version` before it."""
    return {"schema": f"trtkit.inspect-{subtool}", "schema_version": SCHEMA_VERSION, **data}


def tensor_data(spec: TensorSpec) -> dict[str, Any]:
    """A tensor as plain data: `name`, `dtype` and `shape`, the last two None where they are not known."""
    return {"name": spec.name, "dtype": spec.dtype, "shape": None if spec.shape is None else list(spec.shape)}


def dumps(data: Any) -> str:
    """Data as JSON text; NaN and infinities become "NaN", "Infinity" and "-Infinity", as in every report.

    Args:
        data: mappings, lists and tuples of text, Python's own numbers, and None; keys become text.
    """
    return json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False)
