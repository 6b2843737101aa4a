"""`trtkit suite` as a command: what it runs, keeps, repeats and prints."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import zoo
from planted_scripts import write_script
from suite_files import write_suite

from trtkit.plan import RunPlan
from trtkit.suite import keys, local
from trtkit.suite.executor import Ended, Task
from trtkit.suite.keeper import main as keeper_main
from trtkit.suite.local import Local

Command = Callable[..., Any]
ENTRY = '[[jobs]]\nname = "{0}"\nmodel = "linear.onnx"\nrunners = ["onnxrt"]\n{1}\n'


@pytest.fixture
def here(in_tmp: Path) -> Path:
    zoo.write("linear", in_tmp)
    return in_tmp


def suite(**jobs: str) -> None:
    Path("s.toml").write_text("".join(ENTRY.format(name, more) for name, more in jobs.items()))


def resumed(command: Command, *more: str) -> dict[str, bool]:
    """Which jobs were taken from before."""
    result = command("suite", "s.toml", "--resume", "-j", "2", "--report", "r.json", *more)
    assert result.code == 0, result.out
    return {job["name"]: job["resumed"] for job in json.loads(Path("r.json").read_text())["jobs"]}


def test_list_says_what_a_job_is(trtkit_command: Command, here: Path) -> None:
    suite(one="iterations = 2", two='time-limit = "none"\ngpus = 1\nmemory-limit = "1G"')
    result = trtkit_command("suite", "s.toml", "--list")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "one  # time 3600 s",
        "    trtkit run linear.onnx --onnxrt --iterations 2",
        "two  # memory 1073741824 bytes, 1 GPU",
        "    trtkit run linear.onnx --onnxrt",
    ]
    assert not (here / ".trtkit-suite").exists()


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (["suite"], 2, "no suite file was given"),
        (["suite", "gone.toml"], 3, "cannot read the suite file 'gone.toml'"),
        (["suite", "s.toml", "--filter", "oen"], 2, "no job of 1 matches 'oen'; did you mean 'one'?"),
        (["suite", "s.toml", "--shard", "2/2"], 2, "--shard 2/2: there is nothing in it, since there are only 1 jobs"),
        (["suite", "s.toml", "--shard", "3/2"], 2, "expected I/N"),
        (["suite", "s.toml", "-j", "0"], 2, "--jobs: invalid value '0'"),
        (["suite", "s.toml", "--report", "r.pdf"], 2, "its suffix is none of .json, .xml, .md"),
        (["suite", "s.toml", "--report", "gone/r.md"], 3, "there is no folder 'gone'"),
        (["suite", "s.toml", "--work-dir", "full"], 3, "holds other files; --work-dir needs a folder of its own"),
        (["suite", "s.toml", "--list", "--resume"], 2, "--resume has no effect with --list"),
        (["suite", "s.toml", "--report", "r.md", "./r.md"], 2, "two options would write './r.md'"),
        (["suite", "s.toml", "--report", "./own.json"], 2, "--report './own.json' is a file of job 'one'"),
        (["suite", "s.toml", "--executor", "cloud"], 2, "expected one of local"),
    ],
)
def test_what_cannot_be_done(trtkit_command: Command, here: Path, argv: list[str], code: int, told: str) -> None:
    suite(one='report = "own.json"')
    (here / "full").mkdir()
    (here / "full" / "thesis.txt").write_text("")
    result = trtkit_command(*argv)
    assert (result.code, result.out) == (code, "")
    assert told in result.error


def test_fail_fast(trtkit_command: Command, here: Path) -> None:
    suite(one="", two='load-inputs = "gone.npz"', three="", four="")
    result = trtkit_command("suite", "s.toml", "--fail-fast", "--report", "r.json", "r.xml")
    assert result.code == 3
    jobs = json.loads(Path("r.json").read_text())["jobs"]
    assert [job["verdict"] for job in jobs] == ["RAN", "ERROR", "NOT RUN", "NOT RUN"]
    assert "gone.npz" in jobs[1]["message"]
    assert 'skipped message="the suite stopped before it"' in Path("r.xml").read_text()


def test_what_has_changed_is_repeated(trtkit_command: Command, here: Path) -> None:
    write_script("fine", here)
    (here / "notes").mkdir()
    (here / "notes" / "first.txt").write_text("one")
    suite(a='data-loader-script = "fine.py"', b='files = "notes"', c='save-outputs = "o.npz"')
    every = {"a", "b", "c"}

    def repeated(*more: str) -> set[str]:
        return {name for name, before in resumed(trtkit_command, *more).items() if not before}

    assert repeated() == every
    assert repeated() == set()
    assert repeated("--work-dir", "elsewhere") == every
    (here / "notes" / "first.txt").write_text("two")
    assert repeated() == {"b"}
    (here / "notes" / "__pycache__").mkdir()
    (here / "notes" / "__pycache__" / "first.pyc").write_bytes(b"compiled")
    assert repeated() == set()
    (here / "fine.py").write_text((here / "fine.py").read_text() + "\n")
    assert repeated() == {"a"}
    (here / "o.npz").unlink()
    assert repeated() == {"c"}
    suite(a='data-loader-script = "fine.py"', b='files = "notes"\nseed = 2', c='save-outputs = "o.npz"')
    assert repeated() == {"b"}
    zoo.save(zoo.chain(), here / "linear.onnx")
    assert repeated() == every
    for path in (here / ".trtkit-suite" / "results").iterdir():
        path.write_text("{")  # damaged
    assert repeated() == every
    assert (here / ".trtkit-suite" / ".gitignore").read_text() == "*\n"


def test_what_changes_on_the_way_is_not_kept(trtkit_command: Command, here: Path) -> None:
    """The hashes are of the files as the suite found them; a job that saw others answers for those."""
    first = (here / "linear.onnx").read_bytes()
    shared = 'runners = ["onnxrt", "onnxref"]\ninput-shapes = "x:[1,3]"'
    both = f'[[jobs]]\nname = "{{}}"\nmodel = "linear.onnx"\n{shared}\n'
    (here / "later.py").write_text(
        "import time\nfrom pathlib import Path\n\ntime.sleep(0.01)\n"
        "Path('linear.onnx').write_bytes(Path('chain.onnx').read_bytes())\n\n\n"
        "def load_data():\n    raise ValueError('the file is another now')\n    yield {}\n"
    )
    zoo.write("chain", here)
    spoils = '[[jobs]]\nname = "spoils"\nmodel = "chain.onnx"\nrunners = ["onnxrt"]\ndata-loader-script = "later.py"\n'
    Path("s.toml").write_text(spoils + both.format("a") + both.format("b"))
    result = trtkit_command("suite", "s.toml", "--resume")
    assert result.code == 3
    assert "a: linear.onnx changed while the suite ran; the result is not kept for --resume" in result.err
    assert list((here / ".trtkit-suite" / "references").iterdir()) == []
    (here / "linear.onnx").write_bytes(first)
    Path("s.toml").write_text(both.format("a") + both.format("b"))
    assert resumed(trtkit_command) == {"a": False, "b": False}
    assert resumed(trtkit_command) == {"a": True, "b": True}


def test_an_expired_waiver_is_another_job(trtkit_command: Command, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "w.toml").write_text('[[waiver]]\noutput = "z"\nreason = "known"\nexpires = 2030-01-31\n')
    suite(waived='waivers = "w.toml"', plain="")
    for day, before in ((30, (False, False)), (31, (True, True)), (32, (False, True)), (33, (True, True))):
        today = date(2030, 1, day) if day <= 31 else date(2030, 2, day - 31)
        monkeypatch.setattr(keys, "utc_today", lambda today=today: today)
        assert tuple(resumed(trtkit_command).values()) == before, today


def test_external_weights_count(trtkit_command: Command, here: Path) -> None:
    weight = zoo.external_tensor("w", zoo.SQUARE, "w.bin")
    (here / "w.bin").write_bytes(zoo.SQUARE.tobytes())
    zoo.save(zoo.model([zoo.node("MatMul", ["x", "w"], ["y"])], [zoo.X], [zoo.Y], [weight]), here / "linear.onnx")
    suite(one="")
    assert [resumed(trtkit_command)["one"] for _ in range(2)] == [False, True]
    (here / "w.bin").write_bytes((zoo.SQUARE + 1).tobytes())
    assert not resumed(trtkit_command)["one"]


def wait_for(executor: Local, count: int) -> list[Ended]:
    found: list[Ended] = []
    until = time.monotonic() + 60
    while len(found) < count and time.monotonic() < until:
        found += executor.wait(0.5)
    return found


def test_gpus_are_given_out(here: Path) -> None:
    from trtkit.comparator.inputs import InputOptions

    (here / "which.py").write_text(
        "import os, time\ndef load_data():\n    time.sleep(0.3)\n"
        "    raise ValueError('gpus ' + os.environ.get('CUDA_VISIBLE_DEVICES', 'as they are'))\n    yield {}\n"
    )
    plan = RunPlan(here / "linear.onnx", ["onnxrt"], inputs=InputOptions(data_loader_script=str(here / "which.py")))
    with Local(4, gpus=["3", "7"]) as executor:
        for number, gpus in enumerate([1, 2, 1, 0, 5]):
            executor.submit(Task(str(number), str(number), plan, gpus=gpus))
        assert list(executor.running) == ["0", "2", "3", "4"]  # the second one waits, and nobody for it
        told = {
            each.key: re.findall(r"gpus (.*?)\"", (each.report or b"").decode())[0] for each in wait_for(executor, 5)
        }
    assert told == {"0": "3", "1": told["1"], "2": "7", "3": "as they are", "4": "as they are"}
    assert sorted(told["1"].split(",")) == ["3", "7"]


def test_a_job_that_cannot_be_started_harms_no_other(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = RunPlan(here / "linear.onnx", ["onnxrt"])
    with Local(2) as executor:
        monkeypatch.setattr(tempfile, "tempdir", str(here / "gone"))
        executor.submit(Task("a", "a", plan))
        monkeypatch.undo()
        executor.submit(Task("b", "b", plan))
        ended = {each.key: each for each in wait_for(executor, 2)}
    assert (ended["a"].fate, ended["b"].fate) == ("crashed", "finished")
    assert ended["a"].message.startswith("it could not be started: ")


def test_visible_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trtkit.cuda.device.gpu_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert local.visible_gpus() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-aa, GPU-bb")
    assert local.visible_gpus() == ["GPU-aa", "GPU-bb"]


def test_ctrl_c_ends_the_jobs(here: Path, processes_below: Callable[[int], list[int]]) -> None:
    write_script("hanging_daemon", here)
    suite(one='data-loader-script = "hanging_daemon.py"')
    process = subprocess.Popen([sys.executable, "-m", "trtkit", "suite", "s.toml"], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (here / "pid").exists() and time.monotonic() < until:
        time.sleep(0.05)
    below = processes_below(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1].splitlines()[-1] == "trtkit suite: error: interrupted"
    assert process.returncode == 130
    assert len(below) >= 4  # keeper, job, shell, sleep
    assert [pid for pid in below if Path(f"/proc/{pid}").exists()] == []


def test_the_table_on_a_terminal(tmp_path: Path) -> None:
    write_suite(tmp_path, 2)
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "trtkit", "suite", "suite.toml", "--filter", "linear/0", "alone"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=secondary,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "60", "LINES": "20"},
    )
    os.close(secondary)
    shown = b""
    while True:
        try:
            piece = os.read(primary, 4096)
        except OSError:  # Linux says so where the other end is closed
            break
        shown += piece
    os.close(primary)
    out = process.communicate()[0]
    assert process.returncode == 0
    assert [line.split()[:2] for line in out.splitlines()[:2]] == [["PASS", "linear/0"], ["RAN", "alone"]]
    text = shown.decode()
    assert "  linear/0\r\n0 of 2 jobs\r\n" in text
    assert "1 of 2 jobs: 1 PASS\r\n" in text
    assert text.endswith("\x1b[J")  # nothing of it stays
    assert not re.search("\x1b\\[[^AJ0-9]", text)


def test_a_keeper_without_an_order_ends() -> None:
    read, write = os.pipe()
    os.close(write)
    code = f"import os; os.dup2({read}, 0); from {keeper_main.__module__} import main; main()"
    assert subprocess.run([sys.executable, "-c", code], pass_fds=[read], check=False).returncode == 1
    os.close(read)
