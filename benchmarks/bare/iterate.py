"""Two ONNX Runtime sessions take turns on random inputs, and numpy compares their outputs piece by piece.

    iterate.py MODEL ITERATIONS [every]

With `every`, all tensors of the graph are outputs. Idle sessions do not spin.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnxruntime as ort

STEP = 1 << 16


def model_bytes(path: str, every: bool) -> bytes:
    """The model, where asked for with all tensors as outputs."""
    import onnx

    model = onnx.load(path)
    if every:
        present = {one.name for one in model.graph.output}
        names = [name for node in model.graph.node for name in node.output if name not in present]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    data: bytes = model.SerializeToString()
    return data


def worst(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """The largest absolute difference."""
    one, other = one.reshape(-1), other.reshape(-1)
    space = np.empty(min(STEP, one.size), one.dtype)
    found = 0.0
    for start in range(0, one.size, STEP):
        piece = space[: min(STEP, one.size - start)]
        np.subtract(one[start : start + STEP], other[start : start + STEP], out=piece)
        found = max(found, float(np.abs(piece, out=piece).max()))
    return found


options = ort.SessionOptions()
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
source = model_bytes(sys.argv[1], True) if sys.argv[3:] == ["every"] else sys.argv[1]
sessions = [ort.InferenceSession(source, options, providers=["CPUExecutionProvider"]) for _ in range(2)]
names = [one.name for one in sessions[0].get_outputs()]
for index in range(int(sys.argv[2])):
    rng = np.random.default_rng(index)
    feed = {one.name: rng.random(one.shape, np.float32) for one in sessions[0].get_inputs()}
    for name, first, second in zip(names, *[session.run(None, feed) for session in sessions], strict=True):
        print(index, name, worst(first, second))  # noqa: T201 - a script's answer
