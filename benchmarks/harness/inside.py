"""What a call takes, measured within the process: time, and memory beyond what was there before."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["timed"]

Answer = TypeVar("Answer")


def timed(call: Callable[[], Answer]) -> tuple[Answer, dict[str, float]]:
    """The answer of a call with its `seconds`, its processor time `work`, and the MiB at its peak as `extra`.

    Memory that was there before does not count.
    The kernel forgets the peak of a process when 5 is written to its `clear_refs`, so what it counts in the end begins
    here too.
    """
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    work, start = time.process_time(), time.perf_counter()
    answer = call()
    seconds, work = time.perf_counter() - start, time.process_time() - work
    return answer, {"seconds": seconds, "work": work, "extra": max(0.0, _status("VmHWM") - before)}


def _status(name: str) -> float:
    """A line of this process's status, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {name} in /proc/self/status")
