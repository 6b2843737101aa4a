"""`trtkit debug`: one module for each thing that is found by running or building again and again."""

from __future__ import annotations

__all__ = ["SUBTOOLS"]

SUBTOOLS: dict[str, tuple[str, str]] = {
    "precision": ("trtkit.cli.debug.precision", "find the nodes that must stay in FP32 for the outputs to match"),
    "reduce": ("trtkit.cli.debug.reduce", "find the smallest part of an ONNX model that fails a check"),
    "build": ("trtkit.cli.debug.build", "build an engine repeatedly and sort good and bad ones by a check"),
}
"""Subtool to module and help, as in `trtkit.cli.main.COMMANDS`."""
