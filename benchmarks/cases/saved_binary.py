"""Saving and loading an array in trtkit's other formats. Bare is `numpy.save` and `numpy.load`."""

from __future__ import annotations

from harness.case import BARE, TRTKIT, Case, Commands, Goal, Setting, at_most

__all__ = ["CASES"]

SIZES, TINY = (10, 100, 1000), (1,)
OPEN = Goal("open", 0.02)


def _cases(name: str, suffix: str) -> list[Case]:
    def saving(setting: Setting) -> Commands:
        return {
            TRTKIT: setting.child("saved_json", "save", setting.path(f"t{suffix}"), setting.size),
            BARE: setting.child("saved_json", "numpy_save", setting.path("b.npy"), setting.size),
        }

    def loading(setting: Setting) -> Commands:
        return {
            TRTKIT: setting.child("saved_json", "load", setting.path(f"t{suffix}"), setting.size),
            BARE: setting.child("saved_json", "numpy_load", setting.path("b.npy"), setting.size),
        }

    def prepare(setting: Setting) -> list[list[str]]:
        return [list(command) for command in saving(setting).values()]

    goal = at_most(2, "seconds")
    return [
        Case(f"save-{name}", f"save an array, {name}", "MB", SIZES, TINY, saving, goals=(goal,), inner=True),
        Case(
            f"load-{name}",
            f"load an array, {name}, and sum it",
            "MB",
            SIZES,
            TINY,
            loading,
            prepare,
            goals=(goal, OPEN) if name == "folder" else (goal,),
            inner=True,
        ),
    ]


CASES = [
    case
    for name, suffix in (("npz", ".npz"), ("safetensors", ".safetensors"), ("folder", ""))
    for case in _cases(name, suffix)
]
