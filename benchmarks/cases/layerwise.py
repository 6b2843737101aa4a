"""Comparing every tensor of a graph: many small ones, and 40 big ones."""

from __future__ import annotations

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Setting, faster

__all__ = ["CASES"]

TENSORS = 40


def _small(setting: Setting) -> list[list[str]]:
    return [setting.child("models", "layers", setting.path("m.onnx"), int(setting.size))]


def _big(setting: Setting) -> list[list[str]]:
    elements = int(setting.size * 250_000)
    return [setting.child("models", "tensors", setting.path("m.onnx"), TENSORS, elements)]


def _commands(setting: Setting) -> Commands:
    arguments = ("run", setting.path("m.onnx"), "--onnxrt", "--onnxrt", "--onnx-outputs", "mark", "all")
    return {
        TRTKIT: setting.trtkit(*arguments),
        POLYGRAPHY: setting.polygraphy(*arguments),
        BARE: setting.bare("iterate.py", setting.path("m.onnx"), 1, "every"),
    }


CASES = [
    Case(
        "layerwise-nodes",
        "every tensor of a model of N nodes, two runners",
        "nodes",
        (1000, 3000, 10_000),
        (30,),
        _commands,
        _small,
        goals=(faster(15),),
    ),
    Case(
        "layerwise-bytes",
        f"each of {TENSORS} tensors, two runners",
        "MB per tensor",
        (4, 16, 64),
        (0.1,),
        _commands,
        _big,
        goals=(faster(15),),
    ),
]
