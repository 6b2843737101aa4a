"""What every backend has to answer, as tables: models of the zoo, feeds, and what comes out."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from onnx import TensorProto as T

__all__ = ["DTYPES", "GOOD", "X"]

X = np.array([[1, -2, 3], [0.5, 0, -1]], np.float32)

GOOD: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "several inputs and outputs": (
        "several",
        {"p": X, "q": np.ones_like(X)},
        {"sum": X + 1, "difference": X - 1, "size": np.array([2, 3])},
    ),
    "inputs in another order": (
        "several",
        {"q": np.ones_like(X), "p": X},
        {"sum": X + 1, "difference": X - 1, "size": np.array([2, 3])},
    ),
    "scalars": ("scalar", {"x": X, "s": np.array(2, np.float32)}, {"y": np.float32(X.sum() * 2), "n": np.int64(6)}),
    "empty": ("chain", {"x": X[:0]}, {"y": X[:0]}),
    "if, then": ("branch", {"flag": np.array(True), "x": X}, {"y": X + X}),
    "if, else": ("branch", {"flag": np.array(False), "x": X}, {"y": -X}),
    "loop": ("loop", {"n": np.array(3), "x": X}, {"y": X * 8}),
    "loop that never runs": ("loop", {"n": np.array(0), "x": X}, {"y": X}),
    "local function": ("local_function", {"x": X}, {"y": X + X}),
    "default": ("default_input", {"x": X}, {"y": X + np.array([1, 2, 3], np.float32)}),
    "default overridden": ("default_input", {"x": X, "bias": np.zeros(3, np.float32)}, {"y": X}),
    "no node names": ("no_node_names", {"x": X}, {"y": -np.maximum(X, 0)}),
    "unicode": ("unicode_names", {"eingäbe/日本:0": X}, {"aüsgabe →": -X}),
    "not finite": ("not_finite", {"x": np.array([[1, -1, 0]], "f")}, {"y": np.array([[0, np.nan, -np.inf]], "f")}),
    "unknown rank": ("unknown_rank", {"x": X[0]}, {"y": -X[0]}),
}

# 2-bit integers are not here: ONNX Runtime 1.23 does not have them.
DTYPES: list[tuple[int, Any, int, int]] = [
    (T.INT8, np.int8, 17, 9),
    (T.UINT8, np.uint8, 17, 9),
    (T.INT64, np.int64, 17, 9),
    (T.BOOL, np.bool_, 17, 9),
    (T.FLOAT16, np.float16, 17, 9),
    (T.DOUBLE, np.float64, 17, 9),
    (T.BFLOAT16, ml_dtypes.bfloat16, 17, 9),
    (T.FLOAT8E4M3FN, ml_dtypes.float8_e4m3fn, 19, 9),
    (T.FLOAT8E5M2, ml_dtypes.float8_e5m2, 19, 9),
    (T.FLOAT8E4M3FNUZ, ml_dtypes.float8_e4m3fnuz, 19, 9),
    (T.INT4, ml_dtypes.int4, 21, 10),
    (T.UINT4, ml_dtypes.uint4, 21, 10),
]
