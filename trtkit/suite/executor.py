"""What runs the jobs of a suite: one interface, for the processes of this machine and for a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from trtkit.plan import RunPlan

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Ended", "Executor", "Fate", "Task"]

Fate = Literal["finished", "crashed", "timeout", "memory", "lost"]
"""How a job's process ended: by itself with a report; by dying; at its time limit; at its memory limit; or with the
machine that it was on."""


@dataclass(frozen=True)
class Task:
    """One job, ready to be carried out anywhere.

    Attributes:
        key: what tells it from the other jobs of a suite: a hash of what it does.
        name: its name in the suite, for messages.
        plan: what to do, with absolute paths; the report is not among what it saves.
        files: each file that the plan reads, by absolute path, with its SHA-256 in hexadecimal digits: what a machine
            without this file system needs.
        seconds: the longest that it may take; None for no limit.
        memory: the most bytes that its process and their children may hold together; None for no limit.
        gpus: how many GPUs it needs; 0 where it runs without one.
        reference: the same for tasks whose last runner answers the same (`trtkit.suite.references`), empty where that
            is not known. A place with a folder that jobs share may keep the answers there.
    """

    key: str
    name: str
    plan: RunPlan
    files: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    memory: int | None = None
    gpus: int = 0
    reference: str = ""


@dataclass(frozen=True)
class Ended:
    """What became of a task.

    Attributes:
        key: the task's.
        fate: how its process ended.
        report: the run's report as JSON (`docs/report.md`), also of a run that failed; None where there is none.
        message: one line on why there is none; empty where there is.
        log: the end of what it wrote to standard error.
        seconds: wall time from the start of its process to the end.
        host: the machine's name.
        attempts: how often it was started; more than once where a machine was lost.
    """

    key: str
    fate: Fate
    report: bytes | None
    message: str = ""
    log: str = ""
    seconds: float = 0.0
    host: str = ""
    attempts: int = 1


class Executor(Protocol):
    """A place that runs tasks. Entering connects or makes ready; leaving ends whatever still runs there."""

    @property
    def slots(self) -> int:
        """How many tasks it makes sense to have submitted at once."""
        ...

    def submit(self, task: Task) -> None:
        """Take a task; it starts when there is room."""
        ...

    def wait(self, seconds: float) -> Sequence[Ended]:
        """The tasks that ended since the last call, waiting at most so long for one."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
