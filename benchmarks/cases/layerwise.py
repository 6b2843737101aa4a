"""Comparing every tensor of a graph: many small ones, and 40 big ones."""

from __future__ import annotations

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Setting, faster, no_larger

__all__ = ["CASES"]

TENSORS = 40

BOUND = 512
"""MiB of tensors at once, where they are bounded."""


def _small(setting: Setting) -> list[list[str]]:
    return [setting.child("models", "layers", setting.path("m.onnx"), int(setting.size))]


def _big(setting: Setting) -> list[list[str]]:
    elements = int(setting.size * 250_000)
    return [setting.child("models", "tensors", setting.path("m.onnx"), TENSORS, elements)]


def _bounded(setting: Setting) -> list[list[str]]:
    return [*_big(setting), setting.child("models", "tensors", setting.path("small.onnx"), TENSORS, 1)]


def _commands(setting: Setting) -> Commands:
    arguments = ("run", setting.path("m.onnx"), "--onnxrt", "--onnxrt", "--onnx-outputs", "mark", "all")
    return {
        TRTKIT: setting.trtkit(*arguments),
        POLYGRAPHY: setting.polygraphy(*arguments),
        BARE: setting.bare("iterate.py", setting.path("m.onnx"), 1, "every"),
    }


def _in_parts(setting: Setting) -> Commands:
    sides = dict(_commands(setting))
    more = ("--onnxrt", "--onnxrt", "--onnx-outputs", "mark", "all", "--max-memory", f"{BOUND}M")
    sides[TRTKIT] = setting.trtkit("run", setting.path("m.onnx"), *more)
    sides["small"] = setting.trtkit("run", setting.path("small.onnx"), *more)
    return sides


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
    Case(
        "layerwise-bounded",
        f"each of {TENSORS} tensors, two runners, --max-memory {BOUND}M",
        "MB per tensor",
        (4, 16, 64),
        (0.1,),
        _in_parts,
        _bounded,
        goals=(faster(15), no_larger(BOUND, "small")),
    ),
]
