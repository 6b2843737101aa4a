"""Running a command, and what it took."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["CommandError", "environment", "measure", "prepare"]


class CommandError(Exception):
    """A command of a case ended otherwise than it should."""


def environment() -> dict[str, str]:
    """The environment of everything that is measured: installed packages have their bytecode, and ours has too."""
    found = {**os.environ, "TRTKIT_TENSORRT": "tensorrt_rtx", "POLYGRAPHY_USE_TENSORRT_RTX": "1"}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def measure(command: Sequence[str], folder: Path, inner: bool = False, codes: Sequence[int] = (0,)) -> dict[str, float]:
    """Run a command in a folder and say what it took.

    The memory is that of the largest process among the command and those that it waited for. The kernel counts in it
    the memory of the process that starts it as well, so this one stays small and imports no numpy.

    Returns:
        `wall` and `cpu` in seconds, `peak` in MiB, and with `inner` the figures that the command prints.

    Raises:
        CommandError: the exit code is none of `codes`, or the figures are missing.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        with subprocess.Popen(
            command, stdout=output if inner else subprocess.DEVNULL, stderr=errors, cwd=folder, env=environment()
        ) as process:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in codes:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()[-2000:]
            raise CommandError(f"exit code {process.returncode}: {' '.join(command)}\n{said}")
        figures = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}
        if inner:
            output.seek(0)
            figures.update(_printed(output.read().decode(), command))
    return figures


def _printed(text: str, command: Sequence[str]) -> dict[str, float]:
    lines = [line for line in text.splitlines() if line.startswith("{")]
    if not lines:
        raise CommandError(f"no figures: {' '.join(command)}")
    found: dict[str, Any] = json.loads(lines[-1])
    return {name: float(value) for name, value in found.items()}


def prepare(command: Sequence[str], folder: Path) -> None:
    """Run a command that has to succeed.

    Raises:
        CommandError: it did not.
    """
    result = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if result.returncode:
        raise CommandError(f"exit code {result.returncode}: {' '.join(command)}\n{result.stderr.strip()[-2000:]}")
