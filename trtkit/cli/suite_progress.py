"""What a suite shows while it runs: a line on standard output for each job that ends; a live table on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trtkit.cli.console import emit
from trtkit.suite.report import job_line
from trtkit.suite.verdicts import JobResult, count_verdicts

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Lines", "Live", "progress"]

_ROWS = 12
"""The most jobs that the table shows."""


class Lines:
    """A line for each job (`trtkit.suite.running.Watch`)."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def ended(self, result: JobResult) -> None:
        """Print the job's line, at once: it may be long until the next."""
        emit(job_line(result))
        sys.stdout.flush()

    def tick(self, running: Sequence[str]) -> None:
        """Nothing is shown between two results."""


class Live(Lines):
    """The same, and below it on standard error: what runs and for how long, and how many jobs have which verdict.

    The table is drawn with two control sequences that every terminal has: up some lines, and clear what follows.

    Args:
        total: how many jobs there are.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._verdicts: list[str] = []
        self._since: dict[str, float] = {}
        self._drawn = 0

    def __exit__(self, *exc: object) -> None:
        self._draw([])

    def ended(self, result: JobResult) -> None:
        """Print the job's line above the table."""
        self._verdicts.append(result.verdict)
        self._draw([])
        super().ended(result)

    def tick(self, running: Sequence[str]) -> None:
        """Show what runs."""
        now = time.monotonic()
        self._since = {name: self._since.get(name, now) for name in running}
        rows = [f"  {now - since:6.0f} s  {name}" for name, since in self._since.items()]
        room = max(1, min(_ROWS, shutil.get_terminal_size().lines - 3))
        if len(rows) > room:
            rows[room - 1 :] = [f"  and {len(rows) - room + 1} more"]
        told = ", ".join(f"{number} {verdict}" for verdict, number in count_verdicts(self._verdicts).items())
        self._draw([*rows, f"{len(self._verdicts)} of {self._total} jobs{': ' if told else ''}{told}"])

    def _draw(self, rows: Sequence[str]) -> None:
        """Put these rows in the place of those that were drawn before."""
        width = shutil.get_terminal_size().columns - 1
        back = f"\x1b[{self._drawn}A\r\x1b[J" if self._drawn else ""
        sys.stderr.write(back + "".join(f"{row[:width]}\n" for row in rows))
        sys.stderr.flush()
        self._drawn = len(rows)


def progress(total: int) -> Lines:
    """What suits standard error: the table on a terminal that can move its cursor, else lines alone."""
    return Live(total) if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb" else Lines()
