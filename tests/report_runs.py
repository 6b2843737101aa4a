"""Runs that differ in what their report has to tell, as words after `trtkit run`; `prepare` writes what they read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import zoo

from trtkit import files
from trtkit.results import Iteration, SavedKind

METRICS = ("simple", "l2", "cosine_similarity", "psnr", "snr", "topk")
SHAPES = ("--input-shapes", "x:[2,3]")

LINES: dict[str, tuple[str, ...]] = {
    "pass": ("linear.onnx", "--onnxrt", "--onnxref", *SHAPES, "--iterations", "3"),
    "external weights": ("external.onnx", "--onnxrt", "--onnxref", *SHAPES),
    "ran": ("linear.onnx", "--onnxrt", *SHAPES),
    "duration": ("linear.onnx", "--onnxrt", *SHAPES, "--duration", "0.01"),
    "validate": ("linear.onnx", "--onnxrt", "--validate", *SHAPES),
    "validate fails": ("--load-outputs", "odd.npz", "--validate"),
    "nan": ("--load-outputs", "odd.npz", "a.npz", "--compare", "simple", "snr", "-v"),
    "saved outputs only": ("--load-outputs", "a.npz", "b.npz"),
    "fail": ("--load-outputs", "a.npz", "far.npz", "-v"),
    "fail, averaged": ("--load-outputs", "a.npz", "far.npz", "--check-average"),
    "missing output": ("--load-outputs", "a.npz", "other.npz"),
    "several metrics": ("--load-outputs", "a.npz", "far.npz", "--compare", *METRICS, "--topk-k", "2"),
    "indices": ("--load-outputs", "i.npz", "j.npz", "--compare", "indices"),
    "complex": ("--load-outputs", "c.npz", "d.npz"),
    "script": ("--load-outputs", "a.npz", "far.npz", "--compare-func-script", "same.py"),
    "sequential": ("linear.onnx", "--onnxrt", "--onnxref", *SHAPES, "--sequential-runners", "--iterations", "2"),
    "options": (
        *("linear.onnx", "--runner", "onnxrt:name=plain,graph-optimization-level=disable_all", "--onnxref", *SHAPES),
        *("--postprocess", "top-2,axis=1", "--warm-up", "1", "--seed", "3", "--onnx-outputs", "mark", "all"),
    ),
    "no model": ("none.onnx", "--onnxrt"),
    "broken model": ("broken.onnx", "--onnxrt"),
    "wrong shape": ("linear.onnx", "--onnxrt", "--input-shapes", "x:[2,4]"),
    "missing package": ("linear.onnx", "--onnxrt", "--data-loader-script", "needs.py"),
}

CODES = {
    **dict.fromkeys(("validate fails", "nan", "fail", "fail, averaged", "missing output"), 1),
    **dict.fromkeys(("several metrics", "indices", "complex", "script"), 1),
    **dict.fromkeys(("no model", "broken model", "wrong shape", "missing package"), 3),
}


def save(path: Path, runner: str, *iterations: dict[str, np.ndarray]) -> None:
    kind: SavedKind = "outputs"
    with files.open_writer(path, kind) as writer:
        for arrays in iterations:
            writer.write(Iteration(arrays, runner))


def prepare(folder: Path) -> None:
    zoo.write("linear", folder)
    zoo.write_external(folder)
    (folder / "broken.onnx").write_bytes(b"no model")
    (folder / "same.py").write_text("def compare_outputs(a, b):\n    return {name: (False, 0.5) for name in a}\n")
    (folder / "needs.py").write_text("import there_is_no_such_package\n")
    values = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    save(folder / "a.npz", "r", {"y": values}, {"y": values * 2})
    save(folder / "b.npz", "r", {"y": values}, {"y": values * 2})
    odd = values.copy()
    odd[0, :3] = np.nan, np.inf, -np.inf
    save(folder / "odd.npz", "r", {"y": odd}, {"y": values * 2})
    save(folder / "far.npz", "r", {"y": values[:, ::-1].copy()}, {"y": values * 2})
    save(folder / "other.npz", "r", {"z": values}, {"z": values})
    save(folder / "i.npz", "r", {"y": np.arange(5)})
    save(folder / "j.npz", "r", {"y": np.arange(5)[::-1].copy()})
    save(folder / "c.npz", "r", {"y": values[0] * 1j})
    save(folder / "d.npz", "r", {"y": values[0] * (1 + 1j)})
