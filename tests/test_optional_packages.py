"""Everything but the extras works without the extras, and asks for them by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import zoo

BLOCKED = [
    "torch",
    "sympy",
    "safetensors",
    "PIL",
    "tensorrt",
    "tensorrt_rtx",
    "pycuda",
    "cuda",
    "polygraphy",
    "ray",
]

BLOCKER = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])

sys.meta_path.insert(0, Blocked())
from trtkit.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def run(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCKER, *line.split()]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "line",
    [
        "run linear.onnx --onnxrt --onnxref --save-inputs i.safetensors --save-outputs o.npz",
        "run linear.onnx --onnxrt --onnxref --sequential-runners --compare l2 topk --topk-k 2",
        "run linear.onnx --onnxrt --shape-inference --onnx-outputs mark all --save-onnx e.onnx",
        "run linear.onnx --onnxrt --save-accuracy-results r.json",
        "run linear.onnx --onnxrt --gen-script -",
        "run -h",
    ],
)
def test_works_without_any_extra(tmp_path: Path, line: str) -> None:
    zoo.write("linear", tmp_path)
    result = run(tmp_path, line)
    assert result.returncode == 0, result.stderr


def test_what_needs_an_extra_says_so(tmp_path: Path) -> None:
    zoo.write("linear", tmp_path)
    result = run(tmp_path, "run linear.onnx --onnxrt --input-shapes x:[1,3] --data-loader-backend-module torch")
    assert (result.returncode, result.stdout) == (4, "")
    assert result.stderr == (
        "trtkit run: error: --data-loader-backend-module torch needs the Python package 'torch', "
        "which is not installed; run: pip install 'torch'\n"
    )
