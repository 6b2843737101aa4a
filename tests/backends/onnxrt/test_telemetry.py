from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import zoo


def test_nothing_is_reported_to_the_vendor(tmp_path: Path) -> None:
    """ONNX Runtime's telemetry leaves a session file in the temporary folder as soon as it starts."""
    model = zoo.write("linear", tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    keep = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    line = [sys.executable, "-m", "trtkit", "run", str(model), "--onnxrt", "-q"]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, env={**keep, "TMPDIR": str(scratch)})
    assert list(scratch.iterdir()) == []
