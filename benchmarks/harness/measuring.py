"""Measuring a case: its sides in turn, size by size."""

from __future__ import annotations

import dataclasses
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.case import TRTKIT, Case, Goal, Setting
from harness.growth import exponent
from harness.machine import BUSY, wait_until_idle
from harness.processes import CommandError, measure, prepare

__all__ = ["CaseResult", "How", "SizeResult", "measure_case"]

Figures = Mapping[str, float]


@dataclass(frozen=True)
class How:
    """How much is measured.

    Attributes:
        python: an interpreter with trtkit.
        polygraphy_python: one with Polygraphy.
        torch_python: one with both and PyTorch.
        rounds: how often each side runs at most.
        budget: seconds after which no further round of a size begins.
        patience: seconds to wait for the machine to be idle.
        folder: where models and saved data go; None for the system's temporary folder.
    """

    python: Path
    polygraphy_python: Path | None
    torch_python: Path | None
    rounds: int
    budget: float
    patience: float
    folder: Path | None


@dataclass(frozen=True)
class SizeResult:
    """One size of a case.

    Attributes:
        size: in the case's unit.
        busy: the share of all cores' time that others used before.
        sides: the figures of every round by side.
        failures: sides other than trtkit that ended with an error, and its last line.
    """

    size: float
    busy: float
    sides: Mapping[str, Sequence[Figures]]
    failures: Mapping[str, str]

    def median(self, side: str, figure: str) -> float | None:
        """The median over the rounds; None where there is no such figure."""
        found = [each[figure] for each in self.sides.get(side, ()) if figure in each]
        return statistics.median(found) if found else None

    def ratio(self, figure: str, side: str) -> float | None:
        """trtkit's figure over that of another side: the median of the ratios within each round."""
        pairs = zip(self.sides.get(TRTKIT, ()), self.sides.get(side, ()), strict=False)
        found = [one[figure] / other[figure] for one, other in pairs if other.get(figure) and figure in one]
        return statistics.median(found) if found else None

    def value(self, goal: Goal) -> float | None:
        """What a goal limits."""
        if goal.against is not None and not goal.above:
            return self.ratio(goal.figure, goal.against)
        own = self.median(TRTKIT, goal.figure)
        other = 0.0 if goal.against is None else self.median(goal.against, goal.figure)
        return None if own is None or other is None else own - other

    def to_data(self) -> dict[str, Any]:
        """The result, JSON-ready."""
        sides: dict[str, Any] = {}
        for side, rounds in self.sides.items():
            names = {name: None for each in rounds for name in each}
            values = {name: [each[name] for each in rounds if name in each] for name in names}
            sides[side] = {name: {"median": statistics.median(v), "rounds": v} for name, v in values.items()}
            if side != TRTKIT:
                sides[side]["ratios"] = {name: self.ratio(name, side) for name in names}
        return {"size": self.size, "busy": self.busy, "sides": sides, "failures": dict(self.failures)}


@dataclass(frozen=True)
class CaseResult:
    """A case as measured.

    Attributes:
        case: what was asked.
        sizes: the sizes that were measured.
        skipped: why nothing was; else empty.
        failed: it was because a command of trtkit's failed.
    """

    case: Case
    sizes: Sequence[SizeResult]
    skipped: str = ""
    failed: bool = False

    def goals(self) -> list[tuple[Goal, float | None]]:
        """Each goal with what trtkit has at the largest size; None where it cannot be told."""
        return [(goal, self.sizes[-1].value(goal)) for goal in self.case.goals] if self.sizes else []

    def growth(self) -> dict[str, float]:
        """By side, the exponent of its time: of the call where that is measured, else of the process."""
        figure = "seconds" if self.case.inner else "wall"
        found: dict[str, float] = {}
        for side in {side: None for size in self.sizes for side in size.sides}:
            points = [(size.size, value) for size in self.sizes if (value := size.median(side, figure))]
            if len(points) > 1:
                found[side] = exponent(points)
        return found

    def to_data(self) -> dict[str, Any]:
        """The result, JSON-ready."""
        return {
            "name": self.case.name,
            "title": self.case.title,
            "unit": self.case.unit,
            "skipped": self.skipped,
            "failed": self.failed,
            "sizes": [size.to_data() for size in self.sizes],
            "growth": self.growth(),
            "goals": [
                {
                    "goal": str(goal),
                    **dataclasses.asdict(goal),
                    "value": value,
                    "met": None if value is None else value <= goal.limit,
                }
                for goal, value in self.goals()
            ],
        }


def measure_case(case: Case, sizes: Sequence[float], how: How) -> CaseResult:
    """Measure a case at these sizes."""
    if case.needs:
        python = how.torch_python if case.needs == "torch" else how.python
        if python is None or not has(python, case.needs):
            return CaseResult(case, (), f"needs {case.needs}")
    return CaseResult(case, [_measure_size(case, size, how) for size in sizes])


def has(python: Path, module: str) -> bool:
    """Whether an interpreter can import a module."""
    try:
        prepare([str(python), "-c", f"import {module}"], Path.cwd())
    except CommandError:
        return False
    return True


def _measure_size(case: Case, size: float, how: How) -> SizeResult:
    folder = Path(tempfile.mkdtemp(prefix="benchmark-", dir=how.folder))
    try:
        setting = Setting(size, folder, how.python, how.polygraphy_python, how.torch_python, how.rounds == 1)
        for command in case.prepare(setting):
            prepare(command, folder)
        commands = {side: command for side, command in case.commands(setting).items() if command}
        busy = wait_until_idle(how.patience)
        if busy > BUSY and how.patience:
            print(f"  {case.name} {size:g}: others use {busy:.0%} of the cores", file=sys.stderr)  # noqa: T201
        return SizeResult(size, busy, *_rounds(case, commands, folder, how))
    finally:
        shutil.rmtree(folder)


def _rounds(
    case: Case, commands: Mapping[str, Sequence[str]], folder: Path, how: How
) -> tuple[dict[str, list[Figures]], dict[str, str]]:
    """The figures of each round by side, and which sides failed.

    A first round that fills caches does not count, unless it took long.
    """
    sides: dict[str, list[Figures]] = {side: [] for side in commands}
    failures: dict[str, str] = {}
    start = time.monotonic()
    warm = how.rounds == 1
    while True:
        found: dict[str, Figures] = {}
        for side in sides:
            try:
                found[side] = measure(commands[side], folder, case.inner, case.codes)
            except CommandError as error:
                if side == TRTKIT:
                    raise
                failures[side] = str(error).splitlines()[-1]
        for side in failures:
            sides.pop(side, None)
        took = time.monotonic() - start
        if warm or took > how.budget / 4:
            for side, figures in found.items():
                sides[side].append(figures)
        warm = True
        done = len(sides[TRTKIT])
        if done and (done >= how.rounds or took > how.budget):
            return sides, failures
