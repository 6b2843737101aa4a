"""Builds on one GPU take turns; on two they do not wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trtkit.backends.trt import build_turns
from trtkit.backends.trt.build_turns import alone_on, build_turn

HOLDER = """
import sys, time
from pathlib import Path
from trtkit.backends.trt.build_turns import alone_on
with alone_on("GPU-1", Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(1000)
"""


def test_one_waits_for_the_other(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with alone_on("GPU-1", tmp_path):
            order.append("second")

    with alone_on("GPU-1", tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        with alone_on("GPU-2", tmp_path):
            order.append("another GPU")
        time.sleep(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["another GPU", "first", "second"]


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "in\n"
    entered = threading.Event()

    def wait() -> None:
        with alone_on("GPU-1", tmp_path):
            entered.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not entered.wait(0.2)
    holder.send_signal(signal.SIGKILL)
    assert entered.wait(10)
    holder.communicate()
    thread.join()


def test_only_who_takes_turns_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(build_turns, "_taking_turns", False)

    def no_gpu() -> int:
        asked.append("count")
        return 0

    monkeypatch.setattr(build_turns, "gpu_count", no_gpu)
    with build_turn():
        assert asked == []
    build_turns.take_turns()
    with build_turn():
        assert asked == ["count"]  # there is no GPU, so nothing is timed


def test_another_users_file_will_do(tmp_path: Path) -> None:
    lock = tmp_path / "trtkit-build-GPU-1.lock"
    lock.write_text("")
    lock.chmod(0o444)
    with alone_on("GPU-1", tmp_path):
        assert os.access(lock, os.R_OK)


@pytest.mark.gpu
def test_a_gpus_uuid_is_that_of_nvidia_smi() -> None:
    from trtkit.cuda.device import current_device

    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout
    assert f"(UUID: {current_device().uuid})" in listed
