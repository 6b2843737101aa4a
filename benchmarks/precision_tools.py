"""The tools that cast ONNX models to 16 bits, on the same models: `precision_rewriting.py --tools`."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import precision_models
from onnx import helper

from trtkit.backends.onnx.walk import nodes_of
from trtkit.errors import one_line

__all__ = ["compare"]

Tool = Callable[[onnx.ModelProto, str, Path], "onnx.ModelProto | None"]
"""Casts a model to "fp16" or "bf16"; None where it has no such thing."""


def compare(folder: Path) -> None:
    """Print one line for each tool, model and precision."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    models = {
        **precision_models.MODELS,
        "large-weight": lambda _: planted(1e5),
        "small-weight": lambda _: planted(1e-12),
    }
    for tool, cast in TOOLS.items():
        for name, make in models.items():
            for precision in ("fp16", "bf16"):
                try:
                    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                        made = cast(make(folder), precision, folder)
                except ModuleNotFoundError as error:
                    say(f"{tool}: {error}")
                    break
                except Exception as error:  # noqa: BLE001 - whatever a tool raises is its result
                    say(f"{tool:11} {name:17} {precision}  raises {type(error).__name__}: {one_line(error, 120)}")
                    continue
                if made is not None:
                    say(f"{tool:11} {name:17} {precision}  {judged(make(folder), made, precision)}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def planted(value: float) -> onnx.ModelProto:
    """A model with a weight that float16 does not hold: multiplied if large, added if small."""
    graph = precision_models.Graph(1)
    weight = graph.weight("planted_w", np.array([value], np.float32))
    x = graph.node("Mul" if value > 1 else "Add", graph.node("Relu", "x"), weight, name="planted")
    x = graph.node("MatMul", x, graph.drawn("w", 8, 8), name="product")
    graph.nodes.append(helper.make_node("Relu", [x], ["y"], name="last"))
    return graph.model({"x": ["N", 8]}, {"y": ["N", 8]})


def judged(before: onnx.ModelProto, after: onnx.ModelProto, precision: str) -> str:
    """What is right and wrong with a result, in one line."""
    found = []
    for word, check in (
        ("checker", lambda: onnx.checker.check_model(after, full_check=True)),
        ("strict inference", lambda: onnx.shape_inference.infer_shapes(after, strict_mode=True, data_prop=True)),
    ):
        try:
            check()
            found.append(f"{word} passes")
        except Exception as error:  # noqa: BLE001 - ONNX raises several kinds
            found.append(f"{word} FAILS: {one_line(error, 90)}")
    found.append("ends kept" if ends(before) == ends(after) else "ends CHANGED")
    found.append(f"{sum(node.op_type == 'Cast' for node in nodes_of(after))} casts")
    if precision == "fp16":
        found.append(f"error {error_of(before, after):.1e}")
    return ", ".join(found)


def ends(model: onnx.ModelProto) -> list[tuple[str, int]]:
    """Names and types of inputs and outputs."""
    return [(info.name, info.type.tensor_type.elem_type) for info in (*model.graph.input, *model.graph.output)]


def error_of(before: onnx.ModelProto, after: onnx.ModelProto) -> float:
    """The largest difference under ONNX Runtime relative to the largest output; infinite if it cannot be run."""
    try:
        one, other = (
            onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            for model in (before, after)
        )
        (feed,) = precision_models.feeds_of(before, 1)
        pairs = zip(one.run(None, feed), other.run(None, feed), strict=True)
        return max(float(np.abs(x - y).max() / np.abs(x).max()) for x, y in pairs)
    except Exception:  # noqa: BLE001 - ONNX Runtime's errors have no common base
        return float("inf")


def _onnxruntime(model: onnx.ModelProto, precision: str, folder: Path) -> onnx.ModelProto | None:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True) if precision == "fp16" else None


def _common(model: onnx.ModelProto, precision: str, folder: Path) -> onnx.ModelProto | None:
    from onnxconverter_common.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True) if precision == "fp16" else None


def _common_auto(model: onnx.ModelProto, precision: str, folder: Path) -> onnx.ModelProto | None:
    from onnxconverter_common.auto_mixed_precision import auto_convert_mixed_precision

    (feed,) = precision_models.feeds_of(model, 1)
    if precision != "fp16":
        return None
    return auto_convert_mixed_precision(model, feed, rtol=0.05, atol=0.05, keep_io_types=True)


def _modelopt(model: onnx.ModelProto, precision: str, folder: Path) -> onnx.ModelProto | None:
    from modelopt.onnx.autocast import convert_to_mixed_precision

    path = folder / "given.onnx"
    onnx.save_model(model, path)
    return convert_to_mixed_precision(str(path), low_precision_type=precision, keep_io_types=True, providers=["cpu"])


def _trtkit(model: onnx.ModelProto, precision: str, folder: Path) -> onnx.ModelProto | None:
    from trtkit.backends.onnx.precision import rewrite
    from trtkit.precision_config import PrecisionRequest

    rewrite(model, folder, PrecisionRequest((precision,)), None)
    return model


TOOLS: Mapping[str, Tool] = {
    "onnxruntime": _onnxruntime,
    "common": _common,
    "common-auto": _common_auto,
    "modelopt": _modelopt,
    "trtkit": _trtkit,
}
"""The tools by the names that are printed."""
