"""Building an engine again and again, and sorting what comes out by what a check says of it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.atomic import check_writable, write_errors
from trtkit.conversion import convert
from trtkit.convert_plan import ConvertPlan
from trtkit.debugging.checks import CheckOptions, filled, run_check
from trtkit.errors import FileError, UsageError
from trtkit.report.debugging import Built

if TYPE_CHECKING:
    from trtkit.backends.trt.progress import Progress

__all__ = ["BuildsPlan", "Until", "builds", "parse_until"]

Until = int | str
"""How many builds; or `good` or `bad`, to stop after the first such one."""

_SIDES = {True: "good", False: "bad"}


def parse_until(text: str) -> Until:
    """A number from 1, `good` or `bad`.

    Raises:
        UsageError: it is something else.
    """
    if text.casefold() in _SIDES.values():
        return text.casefold()
    if not text.isdecimal() or int(text) < 1:
        raise UsageError("expected a number of builds, good, or bad")
    return int(text)


@dataclass(frozen=True)
class BuildsPlan:
    """A series of builds.

    Attributes:
        build: how an engine is built, and where it is for the check; it is removed afterwards, unless it is among the
            artifacts.
        until: when to stop.
        command: the check; `{engine}` and `{iteration}` are replaced.
        check: what of it counts as a failure.
        artifacts: files and folders to sort after each check; they are moved.
        folder: where they go, into `good` and `bad`.

    Raises:
        UsageError: the result is no engine, or two artifacts have the same name.
    """

    build: ConvertPlan
    until: Until
    command: Sequence[str]
    check: CheckOptions = field(default_factory=CheckOptions)
    artifacts: Sequence[Path] = ()
    folder: Path = Path("trtkit_artifacts")

    def __post_init__(self) -> None:
        if self.build.convert_to != "trt":
            raise UsageError(f"--engine {str(self.build.output)!r} is an ONNX model; name an engine")
        names = [path.name for path in self.artifacts]
        for path in self.artifacts:
            if names.count(path.name) > 1:
                raise UsageError(f"two artifacts are called {path.name!r}, and would be sorted as one file")
            if path.resolve() == self.build.model_file.path.resolve():
                raise UsageError(f"{str(path)!r} is the model itself, and would be moved; leave it out of --artifacts")

    @property
    def engine(self) -> Path:
        """Where the engine is while it is checked."""
        return self.build.target_path


def builds(plan: BuildsPlan, progress: Progress | None = None) -> Iterator[Built]:
    """Build, check and sort, one build for each item.

    Raises:
        FileError: a file cannot be written, an artifact is not there after a check, or the folder holds sorted files.
        ScriptError: the check could not be started.
        UsageError, WorkError, MissingError: as for `trtkit.conversion.convert`.
    """
    _check_places(plan)
    iteration = 0
    while True:
        iteration += 1
        try:
            report = convert(plan.build, progress)
            places = {"engine": str(plan.engine), "iteration": str(iteration)}
            outcome = run_check(filled(plan.command, places), plan.check)
            sorted_files = _sort(plan, not outcome.failed, iteration)
        finally:
            plan.engine.unlink(missing_ok=True)
        yield Built(iteration, not outcome.failed, outcome.reason, report.seconds, report.size, sorted_files)
        if plan.until in (iteration, _SIDES[not outcome.failed]):
            return


def _check_places(plan: BuildsPlan) -> None:
    """Nothing that is somebody's may be written over or removed."""
    check_writable(plan.engine)
    for path in (plan.engine, *plan.artifacts):
        if path.exists() or path.is_symlink():
            raise FileError(
                f"{str(path)!r} is there already, and might be taken for this build's; remove it, or use another name"
            )
    for side in _SIDES.values() if plan.artifacts else ():
        folder = plan.folder / side
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileError(f"{str(folder)!r} is not empty; name another --artifacts-dir, or empty this one")
    if plan.artifacts:
        for side in _SIDES.values():
            with write_errors(plan.folder / side):
                (plan.folder / side).mkdir(parents=True, exist_ok=True)


def _sort(plan: BuildsPlan, good: bool, iteration: int) -> list[str]:
    """Move the artifacts of one build, and say where they are."""
    found = []
    for path in plan.artifacts:
        if not path.exists():
            raise FileError(f"the artifact {str(path)!r} is not there after build {iteration}: nothing wrote it")
    for path in plan.artifacts:
        target = plan.folder / _SIDES[good] / f"{path.stem}.{iteration:04d}{path.suffix}"
        with write_errors(target):
            _move(path, target)
        found.append(str(target))
    return found


def _move(path: Path, target: Path) -> None:
    """Move a file or folder; where that means copying, the target has its name when it is complete."""
    try:
        path.rename(target)
    except OSError:  # another file system
        part = target.with_name(f".{target.name}.part")
        try:
            shutil.move(path, part)
            part.rename(target)
        except BaseException:
            _remove([part])
            raise


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
