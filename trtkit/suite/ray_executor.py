"""The jobs of a suite on a Ray cluster that is there already (docs/suite-ray.md)."""

from __future__ import annotations

import dataclasses
import logging
import os
import pickle
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit import __version__
from trtkit.errors import MissingPackageError, UsageError, WorkError, one_line
from trtkit.optional import require
from trtkit.suite.executor import Ended, Task
from trtkit.suite.parcels import parcels_of, unpacked, weights_of
from trtkit.suite.paths import paths_written
from trtkit.suite.ray_cluster import Machines, connected, fits
from trtkit.suite.ray_options import RayOptions
from trtkit.suite.ray_worker import Order

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from trtkit.suite.options import SuiteOptions

__all__ = ["RayExecutor", "create"]

log = logging.getLogger(__name__)

_END = 25.0
"""Seconds that jobs have to end when they are cancelled, before their workers are killed."""

_AHEAD = 2
"""Tasks to be submitted for each that fits on the cluster, so that a worker that is done has the next at hand."""


@dataclass
class _Running:
    task: Task
    order: bytes
    needs: Mapping[str, float]
    attempt: int = 1
    alone_since: float | None = field(default=None)
    """Since when no machine is big enough."""


class RayExecutor:
    """Runs tasks on the machines of a Ray cluster (`trtkit.suite.executor.Executor`).

    A job that crashes, hangs or holds too much memory does so in a process of its own below Ray's worker, and gets its
    verdict as on this machine. A worker or machine that is lost is none: the task is started again.

    Args:
        options: which cluster, and what a job takes of it.
        cwd: the jobs' current folder on machines that have it; by default this process's.
        jobs: the most that run at once; None for as many as the cluster has room for.

    Raises:
        MissingPackageError: Ray is not installed here, or trtkit in this version not on a machine of the cluster.
        MissingError: no cluster answers, or it has another version of Python or Ray.
        UsageError: a task saves files, which would stay on a machine of the cluster.
        WorkError: the cluster is gone.
    """

    def __init__(
        self, options: RayOptions | None = None, cwd: str | Path | None = None, jobs: int | None = None
    ) -> None:
        self._jobs = jobs
        self._options = RayOptions() if options is None else options
        self._cwd = os.path.abspath(cwd or ".")
        self._stack = ExitStack()
        self._running: dict[Any, _Running] = {}

    @property
    def slots(self) -> int:
        """As many as were asked for, else twice as many as the cluster has room for now."""
        if self._jobs is not None:
            return self._jobs
        needs = {"CPU": self._options.ray_cpus, **self._options.ray_resources}
        return _AHEAD * max(1, sum(fits(needs, has) for _, has in self._machines.alive()))

    def submit(self, task: Task) -> None:
        """Take a task; it starts when there is room."""
        for path in paths_written(task.plan):
            raise UsageError(
                f"{task.name}: it saves {path!r}, which would stay on a machine of the cluster; leave that out, or run "
                "the suite with --executor local"
            )
        weights = weights_of(task.plan)
        parcels = parcels_of(task, weights)
        for path in unpacked(task, parcels, weights):
            log.warning(
                "%s: %r lies below no folder of a script of the job, so only machines that have it can use it",
                task.name,
                path,
            )
        needs = {"CPU": self._options.ray_cpus, "GPU": task.gpus, "memory": task.memory or 0}
        needs |= self._options.ray_resources
        order = pickle.dumps(Order(task, parcels, self._cwd, self._options.ray_cache))
        self._start(_Running(task, order, needs))

    def wait(self, seconds: float) -> Sequence[Ended]:
        """The tasks that ended since the last call, waiting at most so long for one."""
        if not self._running:
            return ()
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds)
        if ready:
            ready, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        ended = [self._ended(ref, self._running.pop(ref)) for ref in ready]
        return [each for each in (*ended, *self._given_up()) if each is not None]

    def __enter__(self) -> Self:
        self._ray = require("ray", "trtkit[ray]", "--executor ray")
        with ExitStack() as stack:
            stack.enter_context(connected(self._ray, self._options.ray_address))
            self._machines = Machines(self._ray)
            self._here = self._ray.get_runtime_context().get_node_id()
            self._read = self._on(self._here, _reader())
            self._check_machines()
            self._carry_out = self._ray.remote(max_retries=0)(_job())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            refs = list(self._running)
            self._running.clear()
            for ref in refs:
                self._ray.cancel(ref)
            if refs:
                _, left = self._ray.wait(refs, num_returns=len(refs), timeout=_END)
                for ref in left:
                    self._ray.cancel(ref, force=True)

    def _on(self, node: str, function: Any) -> Any:
        """A function as a remote one on one machine, which takes none of its resources."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        where = NodeAffinitySchedulingStrategy(node, soft=False)
        return self._ray.remote(num_cpus=0, scheduling_strategy=where)(function)

    def _check_machines(self) -> None:
        """Find out before the first job whether the machines of the cluster have this trtkit."""
        check = _check()
        refs = [self._on(node, check).remote(__version__) for node, has in self._machines.alive() if has.get("CPU")]
        ready, late = self._ray.wait(refs, num_returns=len(refs), timeout=60) if refs else ([], [])
        for ref in ready:
            try:
                problem = self._ray.get(ref)
            except self._ray.exceptions.RayError as error:  # it is about to leave; its tasks will go elsewhere
                log.debug("a machine of the cluster does not answer: %s", one_line(error))
                continue
            if problem:
                raise MissingPackageError(problem)
        for ref in late:
            self._ray.cancel(ref, force=True)

    def _start(self, running: _Running) -> None:
        task, options = running.task, self._options
        remote = self._carry_out.options(
            name=f"trtkit: {task.name}",
            num_cpus=options.ray_cpus,
            num_gpus=task.gpus,
            memory=task.memory,
            resources=dict(options.ray_resources),
            scheduling_strategy="SPREAD",
        )
        self._running[remote.remote(__version__, running.order, self._read)] = running

    def _ended(self, ref: Any, running: _Running) -> Ended | None:
        """What became of a task; None where it was started again."""
        errors = self._ray.exceptions
        key = running.task.key
        try:
            problem, ended = self._ray.get(ref)
        except errors.LocalRayletDiedError as error:
            raise WorkError(f"the Ray cluster is gone: {one_line(error)}") from error
        except errors.TaskCancelledError:
            return Ended(key, "lost", None, "somebody cancelled it on the cluster", attempts=running.attempt)
        except errors.RayTaskError:
            raise  # a bug of trtkit's, with the traceback of the worker
        except errors.RayError as error:
            return self._lost(running, error)
        if problem:
            raise MissingPackageError(problem)
        assert isinstance(ended, Ended)
        return dataclasses.replace(ended, attempts=running.attempt)

    def _lost(self, running: _Running, error: Exception) -> Ended | None:
        what = f"its worker on the cluster was lost ({type(error).__name__})"
        if running.attempt > self._options.ray_retries:
            times = "once" if running.attempt == 1 else f"{running.attempt} times"
            message = f"{what}; it was started {times}: {one_line(error)}"
            return Ended(running.task.key, "lost", None, message, attempts=running.attempt)
        log.warning("%s: %s; it is started again", running.task.name, what)
        running.attempt += 1
        self._start(running)
        return None

    def _given_up(self) -> list[Ended]:
        """The tasks for which no machine has been big enough for too long."""
        machines, now = [has for _, has in self._machines.alive()], time.monotonic()
        given_up = []
        for ref, each in list(self._running.items()):
            if any(fits(each.needs, has) for has in machines):
                each.alone_since = None
            elif each.alone_since is None:
                each.alone_since = now
            if each.alone_since is not None and now - each.alone_since >= self._options.ray_patience:
                self._ray.cancel(ref, force=True)
                del self._running[ref]
                needs = ", ".join(f"{amount:g} {name}" for name, amount in each.needs.items() if amount)
                message = f"no machine of the cluster has what it needs ({needs}), and none came that has"
                given_up.append(Ended(each.task.key, "lost", None, message, attempts=0))
        return given_up


def create(options: SuiteOptions, folder: Path) -> RayExecutor:
    """The executor for jobs of a folder, as `trtkit suite` makes it."""
    return RayExecutor(options.ray, folder, options.jobs)


# What is sent to the machines of the cluster. A function within a function travels as its code: one of a module would
# travel as a name, which means nothing, or another thing, where trtkit is missing or has another version.


def _reader() -> Any:
    def read(path: str, offset: int, size: int) -> bytes:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)

    return read


def _check() -> Any:
    def check(version: str) -> str:
        import platform

        install = f"; install trtkit {version} there, in the Python that 'ray start' was run with"
        try:
            import trtkit
            import trtkit.suite.ray_worker
        except ImportError as error:
            return f"{platform.node()}, a machine of the Ray cluster, cannot import trtkit ({error}){install}"
        if trtkit.__version__ != version:
            return f"{platform.node()}, a machine of the Ray cluster, has trtkit {trtkit.__version__}{install}"
        return ""

    return check


def _job() -> Any:
    check = _check()

    def carry_out(version: str, order: bytes, read: Any) -> tuple[str, Any]:
        problem = check(version)
        if problem:
            return problem, None
        import ray

        from trtkit.suite.ray_worker import carry_out

        def get(ref: Any) -> bytes:
            try:
                piece: bytes = ray.get(ref)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            return piece

        return "", carry_out(order, read.remote, get)

    return carry_out
