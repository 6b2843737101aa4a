"""`trtkit suite --executor ray` on a real cluster: the same verdicts as here, and one line where there is none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ray_clusters import RayCluster
from suite_files import write_suite

LINE = [sys.executable, "-m", "trtkit", "suite", "suite.toml", "--executor", "ray"]


def suite(folder: Path, *more: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", **variables}
    return subprocess.run([*LINE, *more], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_planted_verdicts_twice(cluster: RayCluster, place: Path) -> None:
    expected = write_suite(place, 2)
    for attempt in ("first", "second"):
        result = suite(
            place, "--ray-address", cluster.address, "--ray-cache", str(place / attempt), "--report", "r.json"
        )
        assert result.returncode == 3, result.stderr
        report = json.loads((place / "r.json").read_text())
        assert {job["name"]: job["verdict"] for job in report["jobs"]} == expected
        assert report["executor"] == "ray"
        assert result.stdout.splitlines()[-1] == report["verdict_text"]
        reports = json.dumps([job["report"] for job in report["jobs"]])
        assert str(place) not in reports  # as in the suite file, wherever the files were
        assert "gone.onnx" in reports


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_ending_the_suite_leaves_nothing(cluster: RayCluster, place: Path, how: signal.Signals, code: int) -> None:
    write_suite(place, 2)
    script, started = place / "hang.py", place / "started"
    tell = f"pathlib.Path({str(started)!r}).write_text(f'{{os.getpid()}} {{tempfile.gettempdir()}}')"
    script.write_text(f"import os, pathlib, tempfile\n{tell}\n{script.read_text()}")
    running = subprocess.Popen(
        [*LINE, "--ray-address", cluster.address, "--ray-resources", "first:1", "--filter", "hang"],
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: started.exists() and started.read_text())
    pid, temporary = started.read_text().split()
    running.send_signal(how)
    assert running.wait(30) == code
    if how != signal.SIGKILL:
        assert not Path(f"/proc/{pid}").exists()
        assert not Path(temporary).parent.exists()
    wait_until(lambda: not Path(f"/proc/{pid}").exists() and not Path(temporary).parent.exists())
    wait_until(lambda: not cluster.workers())


def wait_until(what: Callable[[], object], within: float = 60) -> None:
    until = time.monotonic() + within
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("words", "variables", "code", "told"),
    [
        pytest.param(
            ["--ray-address", "127.0.0.1:1"],
            {},
            4,
            "no Ray cluster answers at 127.0.0.1:1: [Errno 111] Connection refused; start one with 'ray start --head', "
            "or name another with --ray-address",
            id="nobody there",
        ),
        pytest.param([], {"RAY_ADDRESS": "127.0.0.1:1"}, 4, "no Ray cluster answers at 127.0.0.1:1", id="RAY_ADDRESS"),
        pytest.param(
            ["--ray-address", "ray://head:10001"],
            {},
            2,
            "--ray-address ray://head:10001: Ray Client is not supported; run the suite on a machine of the cluster",
            id="Ray Client",
        ),
        pytest.param(["--ray-address", "head"], {}, 2, "--ray-address 'head': expected HOST:PORT", id="no port"),
        pytest.param(["--ray-cpus", "0"], {}, 2, "--ray-cpus 0: expected a number above 0", id="no CPU"),
        pytest.param(["--ray-patience", "-1"], {}, 2, "--ray-patience -1: expected seconds", id="patience"),
        pytest.param(["--ray-resources", "a100"], {}, 2, "expected NAME:AMOUNT, such as a100:1", id="no amount"),
        pytest.param(
            ["--ray-resources", "a100:0"], {}, 2, "--ray-resources a100:0: expected an am", id="nothing of it"
        ),
        pytest.param(
            ["--ray-resources", "GPU:1"], {}, 2, "--ray-resources GPU:1: that is said with gpus of the job", id="GPU"
        ),
        pytest.param(
            ["--no-reference-cache"], {}, 2, "--no-reference-cache has no effect with --executor", id="references"
        ),
        pytest.param(
            ["--executor", "local", "--ray-cpus", "2"], {}, 2, "--ray-cpus has no effect without --executor", id="local"
        ),
    ],
)
def test_one_line(tmp_path: Path, words: list[str], variables: dict[str, str], code: int, told: str) -> None:
    if code == 4:
        pytest.importorskip("ray", reason="needs Ray: pip install 'trtkit[ray]'")
    write_suite(tmp_path, 1)
    result = suite(tmp_path, *words, **variables)
    assert (result.returncode, result.stdout) == (code, "")
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_cluster_that_was_here(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'trtkit[ray]'")
    write_suite(tmp_path, 1)
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")  # as one leaves it that was killed
    result = suite(tmp_path, RAY_TMPDIR=str(tmp_path), RAY_ADDRESS="")
    assert (result.returncode, result.stdout) == (4, "")
    assert "no Ray cluster answers at 127.0.0.1:1" in result.stderr
