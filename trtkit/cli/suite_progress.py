"""What a suite shows while it runs: a line on standard output for each job that ends, and a live table on a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trtkit.cli.console import emit
from trtkit.suite.report import job_line
from trtkit.suite.verdicts import JobResult, count_verdicts

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Lines", "Live"]

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
    """The same, and below it on standard error what runs, for how long, and how many have which verdict.

    Args:
        total: how many jobs there are.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._verdicts: list[str] = []
        self._since: dict[str, float] = {}
        self._bars: list[Any] = []

    def __enter__(self) -> Self:
        from tqdm import tqdm  # on a terminal only

        rows = max(0, min(_ROWS, shutil.get_terminal_size().lines - 4))
        text = {"bar_format": "{desc}", "leave": False, "file": sys.stderr}
        self._bars = [tqdm(total=0, position=row + 1, **text) for row in range(rows)]
        self._bars.append(tqdm(total=self._total, position=0, unit=" jobs", leave=False, file=sys.stderr))
        return self

    def __exit__(self, *exc: object) -> None:
        for bar in self._bars:
            bar.close()

    def ended(self, result: JobResult) -> None:
        """Print the job's line above the table."""
        self._verdicts.append(result.verdict)
        with self._bars[-1].external_write_mode(file=sys.stdout):
            super().ended(result)
        counts = count_verdicts(self._verdicts)
        self._bars[-1].set_postfix_str(" ".join(f"{number} {verdict}" for verdict, number in counts.items()), False)
        self._bars[-1].update()

    def tick(self, running: Sequence[str]) -> None:
        """Show what runs."""
        now = time.monotonic()
        self._since = {name: self._since.get(name, now) for name in running}
        width = shutil.get_terminal_size().columns - 12
        rows = [f"  {now - since:6.0f} s  {name[:width]}" for name, since in self._since.items()]
        if len(rows) >= len(self._bars):
            rows = [*rows[: len(self._bars) - 2], f"  and {len(rows) - len(self._bars) + 2} more"][
                : len(self._bars) - 1
            ]
        for number, bar in enumerate(self._bars[:-1]):
            bar.set_description_str(rows[number] if number < len(rows) else "")
        self._bars[-1].refresh()
