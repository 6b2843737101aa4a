"""What a case is: a question that trtkit, Polygraphy and a bare script answer, and what trtkit has to reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

__all__ = ["BARE", "POLYGRAPHY", "TRTKIT", "Case", "Commands", "Goal", "Setting", "at_most", "faster", "no_larger"]

TRTKIT, POLYGRAPHY, BARE = "trtkit", "polygraphy", "bare"
HERE = Path(__file__).resolve().parents[1]

Commands = Mapping[str, Sequence[str]]
Figure = Literal["wall", "peak", "seconds", "extra", "open"]


@dataclass(frozen=True)
class Goal:
    """What a figure of trtkit has to reach at the largest size.

    Attributes:
        figure: `wall` (seconds of the process), `peak` (its MiB), `seconds` (of a call within the process), `open` (of
            that call until its answer can be used), or `extra` (MiB of the call beyond what was there before).
        limit: at most this.
        against: the side whose figure is the measure; None for none.
        above: the limit is a difference to that side, not a ratio.
    """

    figure: Figure
    limit: float
    against: str | None = None
    above: bool = False

    def __str__(self) -> str:
        unit = {"wall": "s", "seconds": "s", "open": "s", "peak": "MiB", "extra": "MiB"}[self.figure]
        if self.against is None:
            return f"{self.figure} at most {self.limit:.4g} {unit}"
        if self.above:
            return f"{self.figure} at most {self.limit:.4g} {unit} above {self.against}"
        if self.limit < 0.5:
            return f"{self.figure}: {1 / self.limit:.3g} times better than {self.against}"
        return f"{self.figure} at most {self.limit:.3g} times that of {self.against}"


def faster(times: float, figure: Figure = "wall", than: str = POLYGRAPHY) -> Goal:
    """So many times the speed of another side."""
    return Goal(figure, 1 / times, than)


def at_most(times: float, figure: Figure = "wall", of: str = BARE) -> Goal:
    """At most so many times the figure of another side."""
    return Goal(figure, times, of)


def no_larger(mib: float, than: str | None = BARE, figure: Figure = "peak") -> Goal:
    """At most so many MiB above another side; with `than` None, so many MiB."""
    return Goal(figure, mib, than, above=than is not None)


@dataclass(frozen=True)
class Setting:
    """Where and with what one size of a case is measured.

    Attributes:
        size: in the unit of the case.
        folder: empty; for what is prepared and written.
        python: an interpreter with trtkit.
        polygraphy_python: one with Polygraphy.
        torch_python: one with both and PyTorch.
        quick: nothing is judged, so few repetitions do.
    """

    size: float
    folder: Path
    python: Path
    polygraphy_python: Path | None
    torch_python: Path | None = None
    quick: bool = False

    def with_torch(self) -> Setting:
        """The same, everything in the environment with PyTorch."""
        python = self.torch_python or self.python
        return replace(self, python=python, polygraphy_python=python)

    def path(self, name: str) -> str:
        """A file in the folder."""
        return str(self.folder / name)

    def trtkit(self, *arguments: object) -> list[str]:
        """The command `trtkit`, as people call it: `python -m` takes some ms more."""
        return [str(self.python), str(self.python.with_name("trtkit")), *map(str, arguments)]

    def polygraphy(self, *arguments: object) -> list[str]:
        """The command `polygraphy`; empty where there is none."""
        python = self.polygraphy_python
        return [str(python), str(python.with_name("polygraphy")), *map(str, arguments)] if python else []

    def bare(self, script: str, *arguments: object) -> list[str]:
        """A script of `benchmarks/bare`."""
        return [str(self.python), str(HERE / "bare" / script), *map(str, arguments)]

    def child(self, module: str, function: str, *arguments: object, side: str = TRTKIT) -> list[str]:
        """A function of a module of cases, in the side's environment; empty where there is none."""
        python = self.polygraphy_python if side == POLYGRAPHY else self.python
        return [str(python), str(HERE / "child.py"), module, function, *map(str, arguments)] if python else []


@dataclass(frozen=True)
class Case:
    """A question at several sizes.

    Attributes:
        name: to choose it by.
        title: what is asked.
        unit: what sizes count.
        sizes: in ascending order; a single one where the question has no size.
        tiny: sizes for a run that only shows that everything works.
        commands: the sides' commands, measured in turn; a side with an empty one is left out.
        prepare: commands that write what those need.
        goals: of trtkit.
        inner: the commands print figures of their own as JSON: `seconds`, `extra`.
        needs: a module that has to be importable, in the environment with PyTorch for `torch`; else empty.
        codes: exit codes that are an answer.
    """

    name: str
    title: str
    unit: str
    sizes: tuple[float, ...]
    tiny: tuple[float, ...]
    commands: Callable[[Setting], Commands]
    prepare: Callable[[Setting], Sequence[Sequence[str]]] = lambda setting: ()
    goals: tuple[Goal, ...] = ()
    inner: bool = False
    needs: str = ""
    codes: tuple[int, ...] = (0,)
