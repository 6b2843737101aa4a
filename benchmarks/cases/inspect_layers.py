"""`inspect model --show layers` of models with many nodes."""

from __future__ import annotations

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Setting, faster

__all__ = ["CASES"]


def _prepare(setting: Setting) -> list[list[str]]:
    return [setting.child("models", "layers", setting.path("m.onnx"), int(setting.size))]


def _commands(setting: Setting) -> Commands:
    arguments = ("inspect", "model", setting.path("m.onnx"), "--show", "layers")
    return {
        TRTKIT: setting.trtkit(*arguments),
        POLYGRAPHY: setting.polygraphy(*arguments),
        BARE: setting.bare("load_onnx.py", setting.path("m.onnx")),
    }


CASES = [
    Case(
        "inspect-layers",
        "inspect model --show layers",
        "nodes",
        (2000, 10_000, 50_000),
        (200,),
        _commands,
        _prepare,
        goals=(faster(4),),
    )
]
