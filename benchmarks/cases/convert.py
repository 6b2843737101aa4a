"""`trtkit convert` of ResNet-18 with a profile, beside a script that builds the same engine with TensorRT-RTX."""

from __future__ import annotations

from harness.case import BARE, POLYGRAPHY, TRTKIT, Case, Commands, Setting, at_most, no_larger

__all__ = ["CASES"]


def _prepare(setting: Setting) -> list[list[str]]:
    return [setting.child("models", "residual", setting.path("m.onnx"))]


def _commands(setting: Setting) -> Commands:
    profile = {"min": 1, "opt": 8, "max": int(setting.size)}  # images in a batch
    flags = [part for which, n in profile.items() for part in (f"--trt-{which}-shapes", f"x:[{n},3,224,224]")]
    return {
        TRTKIT: setting.trtkit("convert", setting.path("m.onnx"), "-o", setting.path("t.engine"), *flags),
        POLYGRAPHY: setting.polygraphy("convert", setting.path("m.onnx"), "-o", setting.path("p.engine"), *flags),
        BARE: setting.bare("build_engine.py", setting.path("m.onnx"), setting.path("b.engine"), *profile.values()),
    }


CASES = [
    Case(
        "convert",
        "convert ResNet-18 with TensorRT-RTX",
        "images at most",
        (16,),
        (16,),
        _commands,
        _prepare,
        goals=(at_most(1.15), no_larger(60)),
        needs="tensorrt_rtx",
    )
]
