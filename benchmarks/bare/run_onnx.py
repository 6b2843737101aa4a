"""ONNX Runtime with nothing around it: load the model, draw inputs, run once, print what came out."""

from __future__ import annotations

import sys

import numpy as np
import onnxruntime as ort

session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
rng = np.random.default_rng(1)
feed = {
    one.name: rng.random([size if isinstance(size, int) else 1 for size in one.shape], np.float32)
    for one in session.get_inputs()
}
for one, array in zip(session.get_outputs(), session.run(None, feed), strict=True):
    print(one.name, array.shape, array.dtype, array.min(), array.max())  # noqa: T201 - a script's answer
