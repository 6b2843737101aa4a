"""One task in a process of its own, with limits; whatever it does there harms nobody else (docs/suite.md)."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from trtkit.errors import UsageError
from trtkit.spawning import child_command
from trtkit.suite.executor import Ended, Task

__all__ = ["Child", "run_apart"]

_PATIENCE = 15.0
"""Seconds after which a keeper that was told to end is killed; it takes less than 12 itself."""


class Child:
    """A task that runs in a freshly spawned process, below a keeper (`trtkit.suite.keeper`) that holds its limits.

    Neither it nor anything that it starts outlives `kill`, or this process, however that ends.

    Args:
        task: what to do.
        folder: an empty folder of its own: the plan goes there, the report comes from there, and temporary files of
            the job lie there. Whoever made it removes it, once the child has ended; the keeper does where this
            process is gone.
        environment: variables that are set for the job, beside those of this process.
        cwd: the job's current folder, which relative paths of its plan start from; by default this process's.
        references: a folder in which answers of reference runners are kept for other tasks; None to keep none.
        through: the words of a command that runs the command behind it, handing on standard input and exit code.

    Raises:
        UsageError: the plan cannot be sent to another process.
        OSError: there is no room for the plan, or for another process.
    """

    def __init__(
        self,
        task: Task,
        folder: str | Path,
        environment: Mapping[str, str] = MappingProxyType({}),
        cwd: str | Path | None = None,
        references: Path | None = None,
        through: Sequence[str] = (),
    ) -> None:
        self.task = task
        self._folder = Path(folder).resolve()
        self._ended: Ended | None = None
        self._stopped = False
        try:
            reference = str(references / task.reference) if references is not None and task.reference else None
            plan = pickle.dumps((task.plan, reference))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise UsageError(f"the plan of {task.name!r} cannot be sent to another process: {error}") from error
        (self._folder / "task").write_bytes(plan)
        temporary = self._folder / "tmp"
        temporary.mkdir()
        self._began = time.monotonic()
        self._keeper = subprocess.Popen(
            [*through, *child_command("trtkit.suite.keeper")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=None,  # the keeper's own; the job's is collected
            cwd=cwd,
            env={**os.environ, **environment, "TMPDIR": str(temporary)},
            start_new_session=True,
        )
        order = {"folder": str(self._folder), "seconds": task.seconds, "memory": task.memory}
        assert self._keeper.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone already, which `poll` tells
            self._keeper.stdin.write(json.dumps(order).encode() + b"\n")
            self._keeper.stdin.flush()

    def poll(self) -> Ended | None:
        """What became of the task; None while it runs."""
        if self._ended is None and self._keeper.poll() is not None:
            self._ended = self._conclusion()
            self._close()
        return self._ended

    def wait(self, seconds: float | None = None) -> Ended | None:
        """As `poll`, waiting for the end at most so long; None for as long as it takes."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._keeper.wait(seconds)
        return self.poll()

    def stop(self) -> None:
        """Have the job end, and all that it started, without waiting for that; nothing where it has ended already."""
        if self._ended is None:
            self._stopped = True
            self._close()

    def kill(self) -> None:
        """As `stop`, and wait until they are gone."""
        if self._ended is not None:
            return
        self.stop()
        try:
            self._keeper.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        self.poll()

    def _close(self) -> None:
        assert self._keeper.stdin is not None
        with contextlib.suppress(OSError):
            self._keeper.stdin.close()

    def _conclusion(self) -> Ended:
        """What the keeper left, once it has ended."""
        data = self._left()
        fate, message = data["fate"], data["message"]
        report = None
        if fate == "finished":
            try:
                report = (self._folder / "report.json").read_bytes()
            except OSError:
                fate, message = "crashed", "its process ended without a report"
        seconds = data.get("seconds", time.monotonic() - self._began)
        return Ended(self.task.key, fate, report, message, data.get("log", ""), seconds, socket.gethostname())

    def _left(self) -> dict[str, Any]:
        try:
            data: dict[str, Any] = json.loads((self._folder / "ended").read_bytes())
        except (OSError, ValueError):
            if self._stopped and self._keeper.returncode == 0:
                return {"fate": "crashed", "message": "it was stopped"}
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._keeper.pid, signal.SIGKILL)  # the job dies with its keeper; so does what it started
            code = self._keeper.returncode
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            return {"fate": "crashed", "message": f"the process that watched over it {how}"}
        return data


def run_apart(
    task: Task,
    folder: str | Path,
    environment: Mapping[str, str] = MappingProxyType({}),
    cwd: str | Path | None = None,
) -> Ended:
    """Carry out a task in a process of its own, and wait for it; the arguments are those of `Child`.

    Raises:
        UsageError, OSError: as `Child`. What goes wrong in the process is in the answer.
    """
    child = Child(task, folder, environment, cwd)
    try:
        ended = child.wait()
    finally:
        child.kill()
    assert ended is not None
    return ended
