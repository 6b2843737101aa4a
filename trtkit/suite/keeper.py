"""The keeper of one job: a small process between suite and job, which holds the job to its limits and outlives it.

Whoever started the keeper holds the other end of its standard input. It ends the job, and all that the job started,
when that end is closed, on purpose or because its holder was killed; so nothing is left running, whoever dies. The
kernel hands the job's orphans to it (PR_SET_CHILD_SUBREAPER), and it ends when it has no children left.

It knows nothing of what the job does, and imports next to nothing, for its memory and for the time to start.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

from trtkit.suite.proctree import descendants, memory_of

__all__ = ["LOG_BYTES", "main"]

LOG_BYTES = 64 << 10
"""How much of the end of a job's messages is kept."""

_GRACE = 2.0
"""Seconds that a job has between SIGTERM and SIGKILL, to remove what is half-written."""

_UNKILLABLE = 10.0
"""Seconds after which processes that SIGKILL does not end are given up: they wait for hardware or a file server."""

_LOOK = 0.05
"""Seconds between two looks at the job."""

_SHARE = 20
"""Looking at memory may take one part in so many of the time."""

_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36
"""Numbers of prctl(2)."""


def main() -> int:
    """Start the job that standard input names, see it to its end, and leave what became of it in its folder."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    order = json.loads(_line())
    _prctl(_SET_CHILD_SUBREAPER, 1)
    read, write = os.pipe()
    began = time.monotonic()
    keeper = os.getpid()
    job = os.fork()  # before anything is imported that a fork would not suit
    if job == 0:
        _become_job(order["folder"], keeper, read, write)
    os.close(write)
    watched = _Watched(job, read, began, order["seconds"], order["memory"])
    ended = watched.to_its_end()
    if ended["fate"] == "stopped":
        _remove(order["folder"])
        return 0
    ended["seconds"] = time.monotonic() - began
    path = os.path.join(order["folder"], "ended")
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        json.dump(ended, file)
    os.replace(f"{path}.part", path)
    return 0


def _line() -> bytes:
    """The first line of standard input, which stays open."""
    text = b""
    while not text.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            sys.exit(1)
        text += piece
    return text


def _become_job(folder: str, keeper: int, read: int, write: int) -> NoReturn:
    """What the child does: nothing of the keeper stays but the modules that it has loaded."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:  # it was killed before that
        os._exit(1)
    os.close(read)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, number in ((nothing, 0), (write, 1), (write, 2)):
        os.dup2(source, number)
    os.close(nothing)
    os.close(write)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")  # where the kernel has to choose, it is not to be the suite
    sys.argv[1:] = []
    from trtkit.suite.job import main as job

    sys.exit(job(folder))


class _Watched:
    """A job that runs."""

    def __init__(self, job: int, pipe: int, began: float, seconds: float | None, memory: int | None) -> None:
        self._job, self._pipe = job, pipe
        self._deadline = None if seconds is None else began + seconds
        self._seconds, self._memory = seconds, memory
        self._status: int | None = None
        self._log = bytearray()
        self._open = [0, pipe]
        self._next_look = began
        os.set_blocking(pipe, False)

    def to_its_end(self) -> dict[str, Any]:
        """Wait for the job, or end it; then end all that it left behind."""
        fate, message = "", ""
        while not fate and self._running():
            self._listen(_LOOK)
            fate, message = self._transgression()
        if fate and fate != "memory":
            self._end_gently()
        self._end()
        if not fate:
            assert self._status is not None
            fate, message = _own_end(self._status)
        while self._pipe in self._open and self._listen(0):
            pass
        return {"fate": fate, "message": message, "log": self._log.decode(errors="replace")}

    def _running(self) -> bool:
        """Whether the job runs; whoever else has ended is waited for on the way."""
        with contextlib.suppress(ChildProcessError):
            while self._status is None:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self._job:
                    self._status = status
        return False

    def _listen(self, seconds: float) -> bool:
        """Keep what the job says, until it says something or the time is over; whether there was anything."""
        ready = select.select(self._open, [], [], seconds)[0]
        if 0 in ready and not os.read(0, 4096):
            self._open.remove(0)
        if self._pipe in ready:
            piece = os.read(self._pipe, 1 << 16)
            if not piece:
                self._open.remove(self._pipe)
            self._log += piece
            del self._log[:-LOG_BYTES]
        return bool(ready)

    def _transgression(self) -> tuple[str, str]:
        """Why the job has to end now; empty where it has not."""
        if 0 not in self._open:
            return "stopped", "the suite has ended"
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            return "timeout", f"it took longer than its time limit of {self._seconds:g} s"
        if self._memory is not None and now >= self._next_look:
            held = memory_of(descendants(os.getpid()), self._memory)
            self._next_look = now + max(_LOOK, _SHARE * (time.monotonic() - now))
            if held > self._memory:
                return "memory", f"it held {_size(held)} of memory, more than its limit of {_size(self._memory)}"
        return "", ""

    def _end_gently(self) -> None:
        """Ask everybody to end, and give them time for that."""
        _signal(descendants(os.getpid()), signal.SIGTERM)
        until = time.monotonic() + _GRACE
        while self._running() and time.monotonic() < until:
            self._listen(_LOOK)

    def _end(self) -> None:
        """End everybody, and wait until they are gone."""
        until = time.monotonic() + _UNKILLABLE
        while time.monotonic() < until:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == self._job:
                self._status = status
            if pid == 0:
                _signal(descendants(os.getpid()), signal.SIGKILL)
                time.sleep(0.005)


def _own_end(status: int) -> tuple[str, str]:
    """Fate and message of a job that ended by itself."""
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return "finished", ""
    if code > 0:
        return "crashed", f"its process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal
        name = f"signal {-code}"
    hint = ", as the kernel does where memory runs out" if name == "SIGKILL" else ""
    return "crashed", f"its process was killed by {name}{hint}"


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _size(count: int) -> str:
    return f"{count / (1 << 20):.0f} MiB" if count < 10 << 30 else f"{count / (1 << 30):.1f} GiB"


def _prctl(what: int, value: int) -> None:
    ctypes.CDLL(None).prctl(what, ctypes.c_ulong(value), *(ctypes.c_ulong(0),) * 3)


def _remove(folder: str) -> None:
    import shutil  # with the archive modules of the standard library; a job that ends well needs none of it

    shutil.rmtree(folder, ignore_errors=True)
