"""ONNX with nothing around it: load the structure of a model."""

from __future__ import annotations

import sys

import onnx

model = onnx.load(sys.argv[1], load_external_data=False)
print(len(model.graph.node), len(model.graph.initializer))  # noqa: T201 - a script's answer
