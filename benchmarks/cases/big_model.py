"""One iteration of a model with big weights, beside an ONNX Runtime session from the path."""

from __future__ import annotations

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Setting, at_most, faster, no_larger

__all__ = ["CASES"]


def _case(where: str, sizes: tuple[float, ...]) -> Case:
    def prepare(setting: Setting) -> list[list[str]]:
        return [setting.child("models", "squares", setting.path("m.onnx"), setting.size, where)]

    def commands(setting: Setting) -> Commands:
        arguments = ("run", setting.path("m.onnx"), "--onnxrt")
        return {
            TRTKIT: setting.trtkit(*arguments),
            POLYGRAPHY: setting.polygraphy(*arguments),
            BARE: setting.bare("run_onnx.py", setting.path("m.onnx")),
        }

    goals = (at_most(1.0), no_larger(0), faster(8))
    return Case(f"run-{where}", f"run --onnxrt, {where} weights", "MiB", sizes, (1,), commands, prepare, goals)


CASES = [_case("external", (256, 1024, 4096)), _case("embedded", (64, 256, 1024))]
