"""A turn in a process of its own, started from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import zoo

import trtkit

# What the console script does: it puts no current folder on the import path, as `python -m trtkit` does.
ENTRY = "from trtkit.cli.main import entry; entry()"
LINE = "run linear.onnx --onnxrt --onnxref --input-shapes x:[2,3] --sequential-runners --use-subprocess"


def call(*argv: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv], capture_output=True, text=True, check=False, env={**os.environ, **env}
    )


@pytest.mark.parametrize("name", ["random", "types", "numpy", "pickle", "trtkit"])
def test_current_folder_shadows_nothing(in_tmp: Path, name: str) -> None:
    zoo.write("linear", in_tmp)
    (in_tmp / f"{name}.py").write_text("raise ImportError('the user\\'s own file')\n")
    start = in_tmp / "bin" / "start.py"
    start.parent.mkdir()
    start.write_text(ENTRY)
    result = call(start, *LINE.split(), PYTHONPATH=str(Path(trtkit.__file__).parent.parent))
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith("PASS: ")


@pytest.mark.parametrize("found", ["PYTHONPATH", "for a moment"])
def test_child_finds_the_same_trtkit(in_tmp: Path, found: str) -> None:
    zoo.write("linear", in_tmp)
    other = in_tmp / "other"
    shutil.copytree(Path(trtkit.__file__).parent, other / "trtkit", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "trtkit" / "worker.py").open("a") as file:
        file.write("\nprint('from the other one', file=sys.stderr)\n")
    start = in_tmp / "start.py"
    if found == "PYTHONPATH":
        start.write_text(ENTRY)
        result = call(start, *LINE.split(), PYTHONPATH=str(other))
    else:
        # -S: no site-packages with a trtkit of its own, so numpy and the others are named below
        rest = [path for path in sys.path if path.endswith("-packages")]
        start.write_text(
            f"import sys\nsys.path += {rest!r}\nsys.path.insert(0, {str(other)!r})\n"
            f"import trtkit.cli.main\nsys.path.pop(0)\n{ENTRY}"
        )
        result = call("-S", start, *LINE.split(), PYTHONPATH="")
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines().count("from the other one") == 3  # once here, and in each child
