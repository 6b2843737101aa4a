"""What it changes that ONNX Runtime maps a weight out of the middle of a file: last digits, and latency.

    python benchmarks/mapped_weights.py [--rounds 120]

For each operator the model is run from its file, and with its weight as external data in that file, which begins at no
round address. Latencies are medians of the faster third, the two taking turns.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from trtkit.backends.onnx.apart import read_apart

RNG = np.random.default_rng(0)
FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE

Case = tuple[str, str, dict[str, Any], tuple[int, ...], tuple[int, ...], int]
"""Operator, its inputs, its attributes, the shapes of `x` and of `w`, and their type."""

CASES: dict[str, Case] = {
    "MatMul, 1 row": ("MatMul", "xw", {}, (1, 1024), (1024, 2048), FLOAT),
    "MatMul, 64 rows": ("MatMul", "xw", {}, (64, 1024), (1024, 2048), FLOAT),
    "Gemm": ("Gemm", "xw", {"transB": 1}, (7, 1024), (2048, 1024), FLOAT),
    "Add": ("Add", "xw", {}, (2048, 1024), (2048, 1024), FLOAT),
    "Conv": ("Conv", "xw", {}, (1, 256, 14, 14), (256, 256, 3, 3), FLOAT),
    "Conv, 1 dimension": ("Conv", "xw", {}, (1, 512, 31), (512, 512, 3), FLOAT),
    "ConvTranspose": ("ConvTranspose", "xw", {}, (1, 256, 5, 5), (256, 256, 3, 3), FLOAT),
    "not mapped: MatMul, left operand": ("MatMul", "wx", {}, (1024, 8), (2048, 1024), FLOAT),
    "not mapped: MatMul, batch, 1 row": ("MatMul", "xw", {}, (2, 1, 1024), (2, 1024, 1024), FLOAT),
    "not mapped: MatMul, float64": ("MatMul", "xw", {}, (64, 1024), (1024, 1024), DOUBLE),
    "not mapped: ReduceSum": ("ReduceSum", "w", {}, (1,), (203, 161), FLOAT),
}


def session(model: str | bytes, folder: Path | None = None) -> Any:
    """One thread, the graph as it is, so that nothing is computed beforehand."""
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.intra_op_num_threads = 1
    if folder is not None:
        settings.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    return onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])


def measure(case: Case, path: Path, rounds: int) -> tuple[bool, float]:
    """Whether the bits are the same, and the mapped model's latency over the other's."""
    kind, inputs, attributes, x, w, dtype = case
    np_dtype = helper.tensor_dtype_to_np_dtype(dtype)
    weight = numpy_helper.from_array(RNG.normal(0, 1, w).astype(np_dtype), "w")
    nodes = [helper.make_node(kind, list(inputs), ["o"], **attributes)]
    nodes.append(
        helper.make_node("Identity" if "x" in inputs else "Mul", ["o"] if "x" in inputs else ["o", "x"], ["y"])
    )
    ports = [helper.make_tensor_value_info(name, dtype, shape) for name, shape in (("x", x), ("y", None))]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], [weight])
    opset = helper.make_opsetid("", 17)
    path.write_bytes(helper.make_model(graph, ir_version=9, opset_imports=[opset]).SerializeToString())
    apart: onnx.ModelProto = read_apart(path, path.name)
    sessions = [session(str(path)), session(apart.SerializeToString(), path.parent)]
    feed = {"x": RNG.normal(0, 1, x).astype(np_dtype)}
    bits = [each.run(None, feed)[0].tobytes() for each in sessions]
    seconds: Sequence[list[float]] = ([], [])
    for _ in range(rounds):
        for each, taken in zip(sessions, seconds, strict=True):
            began = time.perf_counter()
            each.run(None, feed)
            taken.append(time.perf_counter() - began)
    alone, mapped = (sorted(taken)[rounds // 6] for taken in seconds)
    return bits[0] == bits[1], mapped / alone


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=120)
    rounds = parser.parse_args().rounds
    say = sys.stdout.write
    say(f"ONNX Runtime {onnxruntime.__version__}\n\n")
    say("| weight of | same bits | latency, mapped to read |\n| --- | --- | --- |\n")
    with tempfile.TemporaryDirectory() as folder:
        for name, case in CASES.items():
            same, ratio = measure(case, Path(folder) / "m.onnx", rounds)
            say(f"| {name} | {'yes' if same else 'no'} | {ratio:.2f} |\n")


if __name__ == "__main__":
    main()
