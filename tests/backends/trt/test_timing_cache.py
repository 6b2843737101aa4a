"""The lock around timing caches. The caches themselves need TensorRT with a GPU: test_builds_on_gpu.py."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from backends.trt.builds import SHAPES, opened

from trtkit.backends.trt.build_options import BuildOptions
from trtkit.backends.trt.config import make_config
from trtkit.backends.trt.timing_cache import locked
from trtkit.errors import FileError, ModelError

PROGRAM = """
import sys
from pathlib import Path
from trtkit.backends.trt.timing_cache import locked
path = Path(sys.argv[1])
for _ in range(20):
    with locked(path):
        number = int(path.read_text())
        path.write_text("")
        path.write_text(str(number + 1))
"""


def test_processes_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "counter"
    path.write_text("0")
    others = [subprocess.Popen([sys.executable, "-c", PROGRAM, path]) for _ in range(3)]
    assert [other.wait(60) for other in others] == [0, 0, 0]
    assert path.read_text() == "60"


def test_a_dead_process_holds_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    program = PROGRAM.partition("for")[0] + "locked(path).__enter__()\nprint('held', flush=True)\ninput()\n"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.kill()
    began = time.monotonic()
    with locked(path):
        assert time.monotonic() - began < 5


def test_no_place_for_the_lock(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot write .*cache\.lock"), locked(tmp_path / "nowhere" / "cache"):
        pass


def test_a_package_without_timings_leaves_no_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx")
    cache = tmp_path / "t.cache"
    with opened(tmp_path) as net, pytest.raises(ModelError, match="keeps no kernel timings"):
        make_config(net, BuildOptions(save_timing_cache=cache), shapes=SHAPES)
    assert not list(tmp_path.glob("t.cache*"))
