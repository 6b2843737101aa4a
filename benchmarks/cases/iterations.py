"""Many iterations of two runners, compared one by one, in every way of running them."""

from __future__ import annotations

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Setting, faster, no_larger

__all__ = ["CASES"]

ELEMENTS = 2_500_000
"""An output of 10 MB."""

WAYS: dict[str, tuple[str, ...]] = {
    "": (),
    "-saved": ("--save-outputs", "saved"),
    "-saved-json": ("--save-outputs", "saved.json"),
    "-warm-up": ("--warm-up", "1", "--sequential-runners"),
    "-sequential": ("--sequential-runners",),
}


def _case(suffix: str, options: tuple[str, ...]) -> Case:
    def prepare(setting: Setting) -> list[list[str]]:
        elements = ELEMENTS if setting.size > 3 else 1000
        return [setting.child("models", "wide", setting.path("m.onnx"), elements)]

    def commands(setting: Setting) -> Commands:
        def arguments(side: str, count: int = int(setting.size)) -> list[str]:
            own = [setting.path(f"{side}-{each}") if each.startswith("saved") else each for each in options]
            return ["run", setting.path("m.onnx"), "--onnxrt", "--onnxrt", "--iterations", str(count), *own]

        return {
            TRTKIT: setting.trtkit(*arguments(TRTKIT)),
            POLYGRAPHY: setting.polygraphy(*arguments(POLYGRAPHY)),
            BARE: setting.bare("iterate.py", setting.path("m.onnx"), int(setting.size)),
            "one": setting.trtkit(*arguments("one", 1)),
        }

    title = " ".join(["run --onnxrt --onnxrt --iterations N, outputs of 10 MB", *options])
    goals = (faster(20), no_larger(60, "one"))
    return Case(f"iterations{suffix}", title, "iterations", (10, 30, 100), (2,), commands, prepare, goals)


CASES = [_case(suffix, options) for suffix, options in WAYS.items()]
