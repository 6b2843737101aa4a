"""The local executor: the jobs of a suite as processes of this machine, so many at once."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit.errors import one_line
from trtkit.suite.executor import Ended, Task
from trtkit.suite.options import SuiteOptions, work_folder
from trtkit.suite.process import Child
from trtkit.suite.store import REFERENCES

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Local", "create", "visible_gpus"]

_LOOK = 0.01
"""Seconds between two looks at the jobs that run."""


@dataclass
class _Running:
    child: Child
    folder: Path
    gpus: Sequence[str]


class Local:
    """Runs tasks in processes of this machine (`trtkit.suite.executor.Executor`).

    A task that needs GPUs gets as many of its own, by CUDA_VISIBLE_DEVICES; it waits until they are free. Where this
    machine has none, or too few, the task starts all the same, and its report says what is missing.

    Args:
        slots: how many run at once.
        cwd: the jobs' current folder; by default this process's.
        gpus: what CUDA_VISIBLE_DEVICES calls the GPUs to give out; by default `visible_gpus()`, asked for when the
            first task needs one.
        references: a folder in which answers of reference runners are kept for other tasks; None to keep none.
    """

    def __init__(
        self,
        slots: int,
        cwd: str | Path | None = None,
        gpus: Sequence[str] | None = None,
        references: Path | None = None,
    ) -> None:
        self._references = references
        self._slots = slots
        self._cwd = cwd
        self._every: Sequence[str] | None = gpus
        self._free: list[str] = list(gpus or ())
        self._waiting: deque[Task] = deque()
        self._running: list[_Running] = []
        self._not_started: list[Ended] = []

    @property
    def slots(self) -> int:
        """More than run at once, so that those that need no GPU can pass those that wait for one."""
        return 2 * self._slots + 8

    @property
    def keeps_references(self) -> bool:
        """Whether what one task computes of a reference is there for the next."""
        return self._references is not None

    @property
    def running(self) -> Sequence[str]:
        """The keys of those that run now, the longest-running first."""
        return [each.child.task.key for each in self._running]

    def submit(self, task: Task) -> None:
        """Take a task; it starts when there is room."""
        self._waiting.append(task)
        self._start_what_fits()

    def wait(self, seconds: float) -> Sequence[Ended]:
        """The tasks that ended since the last call, waiting at most so long for one."""
        until = time.monotonic() + seconds
        while True:
            self._start_what_fits()
            ended = [each for each in self._running if each.child.poll() is not None]
            for each in ended:
                self._running.remove(each)
                self._free += each.gpus
                shutil.rmtree(each.folder, ignore_errors=True)
            if ended or self._not_started:
                self._start_what_fits()
                failed, self._not_started = self._not_started, []
                return [*failed, *(result for each in ended if (result := each.child.poll()) is not None)]
            if time.monotonic() >= until:
                return []
            time.sleep(_LOOK)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.clear()
        for each in self._running:
            each.child.stop()
        for each in self._running:
            each.child.kill()
            shutil.rmtree(each.folder, ignore_errors=True)
        self._running.clear()

    def _start_what_fits(self) -> None:
        """Start tasks in their order, those that wait for a GPU left behind."""
        for task in list(self._waiting):
            if len(self._running) >= self._slots:
                return
            wanted = min(task.gpus, len(self._known())) if task.gpus else 0
            if wanted < task.gpus:
                wanted = 0  # the task will say what it lacks
            if wanted > len(self._free):
                continue
            self._waiting.remove(task)
            self._start(task, [self._free.pop(0) for _ in range(wanted)])

    def _start(self, task: Task, gpus: Sequence[str]) -> None:
        environment = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}
        folder = Path()
        try:
            folder = Path(tempfile.mkdtemp(prefix="trtkit-job-"))
            child = Child(task, folder, environment, self._cwd, self._references)
        except OSError as error:  # no room on the disk, or for another process
            if folder.name:
                shutil.rmtree(folder, ignore_errors=True)
            self._free += gpus
            message = f"it could not be started: {error.strerror or one_line(error)}"
            self._not_started.append(Ended(task.key, "crashed", None, message, host=socket.gethostname()))
            return
        self._running.append(_Running(child, folder, gpus))

    def _known(self) -> Sequence[str]:
        if self._every is None:
            self._every = visible_gpus()
            self._free = list(self._every)
        return self._every


def visible_gpus() -> Sequence[str]:
    """What CUDA_VISIBLE_DEVICES calls each GPU that this process may use."""
    from trtkit.cuda.device import gpu_count

    count = gpu_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(index) for index in range(count)] if named is None else [each.strip() for each in named.split(",")]
    return names[:count]


def create(options: SuiteOptions, folder: Path) -> Local:
    """The executor for jobs of a folder, as `trtkit suite` makes it."""
    references = None if options.no_reference_cache else work_folder(options, folder) / REFERENCES
    return Local(options.jobs or 1, folder, references=references)
