"""`inspect model` of a model with big weights, of which it has to touch none."""

from __future__ import annotations

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Setting, faster, no_larger

__all__ = ["CASES"]


def _case(where: str, sizes: tuple[float, ...]) -> Case:
    def prepare(setting: Setting) -> list[list[str]]:
        return [setting.child("models", "squares", setting.path("m.onnx"), setting.size, where)]

    def commands(setting: Setting) -> Commands:
        arguments = ("inspect", "model", setting.path("m.onnx"))
        return {
            TRTKIT: setting.trtkit(*arguments),
            POLYGRAPHY: setting.polygraphy(*arguments),
            BARE: setting.bare("load_onnx.py", setting.path("m.onnx")),
            "interpreter": [str(setting.python), "-c", "pass"],
        }

    goals = (faster(50), no_larger(30, "interpreter"))
    return Case(f"inspect-{where}", f"inspect model, {where} weights", "MiB", sizes, (1,), commands, prepare, goals)


CASES = [_case("external", (256, 1024, 4096)), _case("embedded", (64, 256, 1024))]
