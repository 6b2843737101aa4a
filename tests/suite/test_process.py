"""A job in a process of its own: every way to end is told as what it was, and nothing is left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zoo
from planted_scripts import write_script

from trtkit.comparator.inputs import InputOptions
from trtkit.plan import RunPlan
from trtkit.suite.executor import Ended, Task
from trtkit.suite.keeper import LOG_BYTES
from trtkit.suite.process import Child, run_apart


def task(folder: Path, script: str, **more: Any) -> Task:
    inputs = InputOptions(data_loader_script=str(write_script(script, folder)))
    plan = RunPlan(zoo.write("linear", folder), ["onnxrt", "onnxref"], inputs=inputs)
    return Task(script, script, plan, **more)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "job").mkdir()
    return tmp_path


def run(place: Path, script: str, **more: Any) -> Ended:
    return run_apart(task(place, script, **more), place / "job")


def gone(pid: int, within: float = 10) -> bool:
    """Whether a process ends in time; one that is only waited for has ended."""
    until = time.monotonic() + within
    while True:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)


def appears(path: Path, within: float = 30) -> str:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path} did not appear")


def test_a_report_comes_back(place: Path) -> None:
    ended = run(place, "fine", seconds=60, memory=4 << 30)
    assert (ended.key, ended.fate, ended.message, ended.attempts) == ("fine", "finished", "", 1)
    assert ended.report is not None
    data = json.loads(ended.report)
    assert (data["verdict"], data["plan"]["save"], data["warnings"]) == ("PASS", {}, [])
    assert len(data["models"][0]["sha256"]) == 64
    assert data["pairs"][0]["outputs"][0]["metrics"][0]["per_iteration"] is None
    assert 0 < ended.seconds < 60
    assert ended.host


def test_an_error_is_a_report_too(place: Path) -> None:
    ended = run(place, "raise")
    assert ended.fate == "finished"
    assert ended.report is not None
    error = json.loads(ended.report)["error"]
    assert (error["type"], error["exit_code"]) == ("ScriptError", 3)
    assert "no data today" in error["message"]
    assert "no data today" in ended.log


@pytest.mark.parametrize(
    ("script", "limits", "fate", "message"),
    [
        ("abort", {}, "crashed", "its process was killed by SIGABRT"),
        ("exit", {}, "crashed", "its process ended with exit code 7"),
        ("late", {}, "crashed", "its process was killed by SIGABRT"),
        ("hang", {"seconds": 1.5}, "timeout", "it took longer than its time limit of 1.5 s"),
        ("stubborn", {"seconds": 1.0}, "timeout", "it took longer than its time limit of 1 s"),
        ("hog", {"memory": 400 << 20}, "memory", "more than its limit of 400 MiB"),
        ("children_hog", {"memory": 300 << 20}, "memory", "more than its limit of 300 MiB"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_fates(place: Path, script: str, limits: dict[str, Any], fate: str, message: str) -> None:
    ended = run(place, script, **limits)
    assert (ended.fate, ended.report) == (fate, None)
    assert message in ended.message
    if script == "abort":
        assert ended.log.endswith("last words")


def test_the_end_of_a_long_log_is_kept(place: Path) -> None:
    ended = run(place, "chatty")
    assert ended.fate == "finished"
    assert len(ended.log) == LOG_BYTES
    assert "first" not in ended.log
    assert "the end" in ended.log[-1000:]


def test_a_daemon_dies_with_its_job(place: Path) -> None:
    assert run(place, "daemon").fate == "finished"
    assert gone(int((place / "pid").read_text()), within=0)


def test_stopping_leaves_nothing_running(place: Path) -> None:
    child = Child(task(place, "hanging_daemon"), place / "job")
    daemon = int(appears(place / "pid"))
    assert child.poll() is None
    child.kill()
    assert gone(daemon, within=0)
    ended = child.poll()
    assert ended is not None
    assert (ended.fate, ended.message) == ("crashed", "it was stopped")


PARENT = """
import pickle, sys
from trtkit.suite.process import run_apart
with open(sys.argv[1], "rb") as file:
    run_apart(pickle.load(file), sys.argv[2])
"""


@pytest.mark.parametrize("victim", ["suite", "keeper"])
def test_nothing_outlives_a_killed_suite(place: Path, victim: str, processes_below: Callable[[int], list[int]]) -> None:
    import pickle

    (place / "pickled").write_bytes(pickle.dumps(task(place, "hanging_daemon")))
    suite = subprocess.Popen([sys.executable, "-c", PARENT, place / "pickled", place / "job"])
    daemon = int(appears(place / "pid"))
    keeper, *others = processes_below(suite.pid)
    assert daemon in others
    os.kill(suite.pid if victim == "suite" else keeper, signal.SIGKILL)
    job = others[0]
    assert gone(job)
    if victim == "suite":
        assert [pid for pid in (keeper, *others) if not gone(pid)] == []
        assert not (place / "job").exists()
    else:
        os.kill(daemon, signal.SIGKILL)  # it left the job's session, and whoever would have known is dead
    assert suite.wait(20) == (-signal.SIGKILL if victim == "suite" else 0)


def test_a_killed_keeper_is_told(place: Path, processes_below: Callable[[int], list[int]]) -> None:
    child = Child(task(place, "hang"), place / "job")
    below: list[int] = []
    while len(below) < 2:
        below = processes_below(os.getpid())
    os.kill(below[0], signal.SIGKILL)
    ended = child.wait(20)
    assert ended is not None
    assert (ended.fate, ended.message) == ("crashed", "the process that watched over it was killed by signal 9")
    assert gone(below[1])


def test_a_plan_that_cannot_be_sent(place: Path) -> None:
    from trtkit.errors import UsageError
    from trtkit.plan import RunnerPlan

    plan = RunPlan(zoo.write("linear", place), [RunnerPlan("onnxrt", options={"a": lambda: None})])
    with pytest.raises(UsageError, match="cannot be sent to another process"):
        Child(Task("k", "k", plan), place / "job")
