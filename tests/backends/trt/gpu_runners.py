"""TensorRT runners for tests on a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trtkit.backends.base import RunnerContext
from trtkit.backends.onnx.open import open_onnx
from trtkit.backends.trt.options import Options
from trtkit.backends.trt.runner import TrtRunner
from trtkit.models import ModelFile

__all__ = ["infer", "make"]


def make(model: Path, feed: dict[str, Any] | None = None, kind: str = "onnx", **options: Any) -> TrtRunner:
    """A runner, not entered yet.

    Args:
        model: an ONNX model, or a file of another kind.
        feed: its shapes are the profile.
        kind: a model kind.
        options: fields of Options.
    """
    # No tactics of cuBLAS and cuDNN, which the machine that tests need not have; and no search for the fastest ones.
    built = {} if kind == "engine" else {"tactic_sources": (), "builder_optimization_level": 0}
    chosen = Options(**{**built, **options})
    source = open_onnx(model) if kind == "onnx" else ModelFile.parse(model, kind)
    feeds = None if feed is None else (lambda specs: [feed])
    return TrtRunner("me", source, chosen, RunnerContext(feeds=feeds, timed=True))


def infer(model: Path, feed: dict[str, Any], kind: str = "onnx", **options: Any) -> dict[str, Any]:
    """One inference."""
    with make(model, feed, kind, **options) as runner:
        return dict(runner.infer(feed))
