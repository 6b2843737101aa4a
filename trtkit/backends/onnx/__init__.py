"""ONNX models: reading, editing, saving. No runner lives here; the backends that run ONNX are handed the result."""

from __future__ import annotations

from trtkit.backends.onnx.model import LoadedModel, open_onnx
from trtkit.backends.onnx.options import OnnxOptions
from trtkit.backends.onnx.saving import save_onnx

__all__ = ["LoadedModel", "OnnxOptions", "open_onnx", "save_onnx"]
