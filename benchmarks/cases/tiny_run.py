"""A whole run of a model that takes no time, beside a script that does the same with ONNX Runtime alone."""

from __future__ import annotations

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Setting, at_most

__all__ = ["CASES"]


def _prepare(setting: Setting) -> list[list[str]]:
    return [setting.child("models", "layers", setting.path("m.onnx"), int(setting.size))]


def _commands(setting: Setting) -> Commands:
    arguments = ("run", setting.path("m.onnx"), "--onnxrt")
    return {
        TRTKIT: setting.trtkit(*arguments),
        POLYGRAPHY: setting.polygraphy(*arguments),
        BARE: setting.bare("run_onnx.py", setting.path("m.onnx")),
    }


CASES = [
    Case("tiny-run", "run tiny.onnx --onnxrt", "nodes", (2, 20, 200), (2,), _commands, _prepare, goals=(at_most(1.05),))
]
