"""The machine that is measured on: what it is, and whether it is idle."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path

__all__ = ["BUSY", "describe", "versions", "wait_until_idle"]

BUSY = 0.1
"""The share of all cores' time beyond which the machine is not idle."""


def describe() -> dict[str, str]:
    """Processor, memory and system."""
    processor = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    total = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    return {
        "processor": processor,
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(total) / (1 << 20):.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
    }


def versions(python: Path, packages: tuple[str, ...]) -> dict[str, str]:
    """The versions of packages that an interpreter has, and its own."""
    code = (
        "import sys, platform; from importlib import metadata\nprint('python', platform.python_version())\n"
        "for name in sys.argv[1:]:\n"
        " try: print(name, metadata.version(name))\n"
        " except metadata.PackageNotFoundError: pass"
    )
    result = subprocess.run([python, "-c", code, *packages], capture_output=True, text=True, check=True)
    return dict(line.split() for line in result.stdout.splitlines())


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def wait_until_idle(seconds: float, sample: float = 0.5) -> float:
    """Wait for the machine to be idle, at most so long, and say what share of its cores' time others used last.

    Args:
        seconds: how long to wait at most; 0 looks once, without waiting.
        sample: how long to look each time.
    """
    end = time.monotonic() + seconds
    while True:
        busy = _busy(sample if seconds else min(sample, 0.05))
        if busy <= BUSY or time.monotonic() >= end:
            return busy
        time.sleep(1)


def _busy(sample: float) -> float:
    """The share of all cores' time that is in use while this process sleeps."""
    before = _times()
    time.sleep(sample)
    after = _times()
    total = sum(after) - sum(before)
    idle = sum(after[3:5]) - sum(before[3:5])  # idle, and waiting for a disk
    return 1 - idle / total if total > 0 else 0.0


def _times() -> list[int]:
    return [int(value) for value in _lines("/proc/stat")[0].split()[1:9]]
