"""A real Ray cluster of two machines' worth of processes on this one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from trtkit.suite.proctree import descendants

__all__ = ["RayCluster", "can_hide", "ray_cluster"]

_STORE = ["--object-store-memory", "80000000", "--disable-usage-stats"]


class RayCluster:
    """A cluster with a head of one CPU.

    Attributes:
        address: `host:port`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nodes: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def start(self) -> None:
        """Start the head; its port is one that was free."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        head = ["--head", "--port", str(port), "--include-dashboard", "false"]
        self._start([*head, "--temp-dir", str(self._folder)], {"first": 1})

    def add(self, resources: Mapping[str, float], gpus: int = 0, hidden: Path | None = None) -> int:
        """Add a machine of one CPU; returns its number.

        Args:
            resources: what it has beside.
            gpus: how many it says that it has.
            hidden: a folder that is empty there.
        """
        before = [] if hidden is None else _hiding(hidden)
        self._start(["--address", self.address, "--num-gpus", str(gpus)], resources, before)
        return len(self._nodes) - 1

    def kill(self, number: int) -> None:
        """End a machine at once, with all that runs there."""
        every = [self._nodes[number].pid, *descendants(self._nodes[number].pid)]
        for pid in every:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._nodes[number].wait()

    def workers(self) -> list[int]:
        """The processes in which a task runs now."""
        found = []
        for pid in (pid for node in self._nodes for pid in descendants(node.pid)):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::trtkit"):
                    found.append(pid)
        return found

    def stop(self) -> None:
        """End all of it."""
        for number in range(len(self._nodes)):
            self.kill(number)

    def _start(self, words: list[str], resources: Mapping[str, float], before: list[str] | None = None) -> None:
        command = [
            *(before or []),
            sys.executable,
            "-m",
            "ray.scripts.scripts",
            "start",
            "--block",
            "--num-cpus",
            "1",
            *_STORE,
            *words,
        ]
        command += ["--resources", json.dumps(resources), "--min-worker-port", "0", "--max-worker-port", "0"]
        told = self._folder / f"node-{len(self._nodes)}.log"
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
        with told.open("wb") as log:
            node = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        self._nodes.append(node)
        until = time.monotonic() + 60
        while "Ray runtime started" not in told.read_text():
            assert time.monotonic() < until, told.read_text()
            assert node.poll() is None, told.read_text()
            time.sleep(0.05)


def _hiding(folder: Path) -> list[str]:
    """What starts a program for which a folder is empty."""
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(folder)]


def can_hide(folder: Path) -> bool:
    """Whether this machine lets a process have mounts of its own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_hiding(folder), "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def ray_cluster(folder: Path) -> Iterator[RayCluster]:
    """A cluster that is gone at the end; `folder` has to have a short path, since sockets lie there."""
    pytest.importorskip("ray", reason="needs Ray: pip install 'trtkit[ray]'")
    cluster = RayCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
