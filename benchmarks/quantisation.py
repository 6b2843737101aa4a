"""Quantising four small models: trtkit beside the quantiser of ONNX Runtime.

For each model, precision and method: how far the outputs are from those in FP32 (root mean square, relative, of the
worst of the feeds), how many pairs of Q and DQ there are, the size of the file relative to FP32, and the most memory
that Python held. Feeds are those that ranges were told from.

    python benchmarks/quantisation.py
    python benchmarks/quantisation.py --feeds 64
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime import quantization

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import precision_models

from trtkit.precision import to_fp8, to_int8

METHODS = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}
Feeds = list[dict[str, Any]]


class Reader(quantization.CalibrationDataReader):
    """Feeds as ONNX Runtime's quantiser takes them."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds: Iterator[dict[str, Any]] = iter(feeds)

    def get_next(self) -> dict[str, Any] | None:
        """The next feed; None after the last."""
        return next(self._feeds, None)


def by_trtkit(model: onnx.ModelProto, feeds: Feeds, precision: str, method: str, folder: Path) -> onnx.ModelProto:
    """The model as trtkit quantises it."""
    return {"int8": to_int8, "fp8": to_fp8}[precision](model, feeds, method=method)


def by_onnxruntime(model: onnx.ModelProto, feeds: Feeds, precision: str, method: str, folder: Path) -> onnx.ModelProto:
    """The model as ONNX Runtime\'s tools quantise it."""
    kind = {"int8": quantization.QuantType.QInt8, "fp8": quantization.QuantType.QFLOAT8E4M3FN}[precision]
    # For float8 it offers one method of its own.
    chosen = "Distribution" if precision == "fp8" else METHODS[method]
    onnx.save(model, folder / "in.onnx")
    with contextlib.redirect_stdout(io.StringIO()):
        quantization.quantize_static(
            str(folder / "in.onnx"),
            str(folder / "out.onnx"),
            Reader(feeds),
            op_types_to_quantize=["Conv", "ConvTranspose", "Gemm", "MatMul"],
            per_channel=True,
            activation_type=kind,
            weight_type=kind,
            calibrate_method=getattr(quantization.CalibrationMethod, chosen),
            extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False},
        )
    return onnx.load(folder / "out.onnx")


TOOLS: dict[str, Callable[..., onnx.ModelProto]] = {"trtkit": by_trtkit, "onnxruntime": by_onnxruntime}


def outputs(model: onnx.ModelProto, feeds: Feeds) -> list[Any]:
    """What a model answers under ONNX Runtime."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return [array for feed in feeds for array in session.run(None, feed)]


def row(tool: str, name: str, precision: str, method: str, count: int) -> str:
    """Quantise one model in one way, and say what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        model = precision_models.MODELS[name](Path(folder))
        feeds = precision_models.feeds_of(model, count)
        expected = outputs(model, feeds)
        tracemalloc.start()
        try:
            lower = TOOLS[tool](model, feeds, precision, method, Path(folder))
        except ValueError as error:
            return f"failed: {error}"
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    pairs = sum(node.op_type == "QuantizeLinear" for node in lower.graph.node)
    found = max(
        float(np.sqrt(np.mean((a - e) ** 2) / np.mean(e**2)))
        for a, e in zip(outputs(lower, feeds), expected, strict=True)
    )
    return f"{found:8.4f} {pairs:4d} {lower.ByteSize() / model.ByteSize():6.2f} {peak / 1e6:8.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=8)
    count = parser.parse_args().feeds
    logging.disable(logging.WARNING)
    print(f"{'model':18} {'':5} {'method':11} {'tool':12} {'error':>8} {'Q':>4} {'size':>6} {'peak MB':>8}")  # noqa: T201 - a script\'s answer
    for name in precision_models.MODELS:
        for precision in ("int8", "fp8"):
            for method in METHODS:
                for tool in TOOLS:
                    if tool == "trtkit" or precision == "int8" or method == "minmax":
                        found = row(tool, name, precision, method, count)
                        print(f"{name:18} {precision:5} {method:11} {tool:12} {found}")  # noqa: T201 - a script\'s answer


if __name__ == "__main__":
    main()
