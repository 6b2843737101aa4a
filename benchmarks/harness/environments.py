"""Environments to measure in: trtkit as it is in this checkout, and Polygraphy, each with what it requires."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

__all__ = ["POLYGRAPHY_VERSION", "make"]

POLYGRAPHY_VERSION = "0.53.6"
ROOT = Path(__file__).resolve().parents[2]
ALIKE = ("numpy", "onnx", "onnxruntime", "ml_dtypes")
"""Packages that both environments have, in the same versions."""


def make(folder: Path, rtx: bool) -> tuple[Path, Path]:
    """Make both environments in a folder, or bring them up to date, and give their interpreters.

    Args:
        folder: where they are, or will be.
        rtx: install TensorRT-RTX in both.
    """
    ours, theirs = (_environment(folder / name) for name in ("trtkit", "polygraphy"))
    extra = "[rtx]" if rtx else ""
    _pip(ours, "install", "--upgrade", "--force-reinstall", "--no-deps", str(ROOT))
    _pip(ours, "install", f"{ROOT}{extra}")
    alike = [line for line in _frozen(ours) if line.split("==")[0].replace("-", "_") in (*ALIKE, "tensorrt_rtx")]
    _pip(theirs, "install", f"polygraphy=={POLYGRAPHY_VERSION}", "colored", *alike)
    return ours, theirs


def _environment(folder: Path) -> Path:
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    return python


def _pip(python: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment.pop("PYTHONPATH", None)
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stderr.strip()}")
    return result.stdout


def _frozen(python: Path) -> list[str]:
    return [line for line in _pip(python, "list", "--format=freeze").splitlines() if "==" in line]
