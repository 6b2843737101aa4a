"""`trtkit inspect`: one module for each thing that can be looked into."""

from __future__ import annotations

__all__ = ["SUBTOOLS"]

SUBTOOLS: dict[str, tuple[str, str]] = {
    "model": ("trtkit.cli.inspect.model", "show inputs, outputs and layers of an ONNX model or a TensorRT network"),
    "data": ("trtkit.cli.inspect.data", "show names, types, shapes, statistics and values of saved inputs or outputs"),
}
"""Subtool to module and help, as in `trtkit.cli.main.COMMANDS`."""
