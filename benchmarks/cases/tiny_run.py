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


def _with_torch(setting: Setting) -> Commands:
    return {**_commands(setting.with_torch()), "without torch": _commands(setting)[TRTKIT]}


SIZES, TINY = (2, 20, 200), (2,)
GOAL = at_most(1.05)

CASES = [
    Case("tiny-run", "run tiny.onnx --onnxrt", "nodes", SIZES, TINY, _commands, _prepare, goals=(GOAL,)),
    Case(
        "tiny-run-torch",
        "the same where PyTorch is installed",
        "nodes",
        SIZES,
        TINY,
        _with_torch,
        _prepare,
        goals=(GOAL, at_most(1.05, of="without torch")),
        needs="torch",
    ),
]
