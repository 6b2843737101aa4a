"""`trtkit inspect`: one module for each thing that can be looked into."""

from __future__ import annotations

__all__ = ["SUBTOOLS"]

SUBTOOLS: dict[str, tuple[str, str]] = {
    "model": ("trtkit.cli.inspect.model", "show inputs, outputs and layers of an ONNX model or a TensorRT network"),
    "diff": (
        "trtkit.cli.inspect.diff",
        "show what two models or engines differ in: layers, precisions, weights and more",
    ),
    "data": ("trtkit.cli.inspect.data", "show names, types, shapes, statistics and values of saved inputs or outputs"),
    "capability": ("trtkit.cli.inspect.capability", "show what of an ONNX model TensorRT's parser supports"),
    "sparsity": ("trtkit.cli.inspect.sparsity", "show which weights of an ONNX model follow the 2:4 pattern"),
    "tactics": ("trtkit.cli.inspect.tactics", "show the tactics in a tactic replay"),
    "diff-tactics": ("trtkit.cli.inspect.diff_tactics", "show the tactics that are in bad replays only"),
}
"""Subtool to module and help, as in `trtkit.cli.main.COMMANDS`."""
