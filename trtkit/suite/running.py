"""Carrying out a suite: jobs to an executor, results to the store as they come, one report at the end."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Protocol

from trtkit.report.environment import environment
from trtkit.suite.executor import Ended, Executor, Task
from trtkit.suite.keys import TaskMaker
from trtkit.suite.options import SuiteOptions
from trtkit.suite.paths import paths_written
from trtkit.suite.report import SuiteReport
from trtkit.suite.spec import Job, Suite
from trtkit.suite.store import Store
from trtkit.suite.verdicts import GOOD, JUDGED, JobResult, judged

__all__ = ["Watch", "run_suite"]

_log = logging.getLogger(__name__)

_TICK = 0.25


class Watch(Protocol):
    """Who is told of what happens."""

    def ended(self, result: JobResult) -> None:
        """A job has its result."""

    def tick(self, running: Sequence[str]) -> None:
        """Some time has passed; these jobs run."""


def run_suite(
    suite: Suite, jobs: Sequence[Job], options: SuiteOptions, executor: Executor, store: Store, watch: Watch
) -> SuiteReport:
    """Carry out these jobs of a suite.

    Args:
        suite: whose jobs they are.
        jobs: those that were chosen.
        options: how.
        executor: where; it is entered and left here.
        store: what is kept; each result is, as it comes.
        watch: who is told.

    Raises:
        FileError: a result cannot be kept.
        TrtkitError: the executor cannot be had.
    """
    began = time.monotonic()
    made = TaskMaker(suite.folder, store.hashes)
    runner = _Running(jobs, made, options, store, watch)
    try:
        runner.take_from_before()
        if runner.left:
            with executor:
                runner.run_on(executor)
    finally:
        store.hashes.save()
    return SuiteReport(
        suite=suite.path,
        jobs=[runner.results.get(job.name) or _not_run(job, runner.tasks[job.name]) for job in jobs],
        seconds=time.monotonic() - began,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        environment=environment(),
        filter=tuple(options.filter),
        shard=options.shard,
        executor=options.executor,
    )


class _Running:
    """A suite that runs."""

    def __init__(self, jobs: Sequence[Job], made: TaskMaker, options: SuiteOptions, store: Store, watch: Watch) -> None:
        self._options, self._store, self._watch, self._made = options, store, watch, made
        self._jobs = {job.name: job for job in jobs}
        self.tasks: dict[str, Task] = self._without_lone_references({job.name: made.task(job) for job in jobs})
        self._names = {task.key: name for name, task in self.tasks.items()}
        self.results: dict[str, JobResult] = {}
        self.left = deque(self._jobs)
        self._stop = False

    def _without_lone_references(self, tasks: Mapping[str, Task]) -> dict[str, Task]:
        """The tasks, those with a reference that no other has without it: there is nobody to keep it for."""
        shared = Counter(task.reference for task in tasks.values())
        keep = not self._options.no_reference_cache
        return {
            name: task if keep and shared[task.reference] > 1 else replace(task, reference="")
            for name, task in tasks.items()
        }

    def take_from_before(self) -> None:
        """Take what an earlier suite has judged, where that is asked for."""
        if not self._options.resume:
            return
        self.left.clear()
        for name, job in self._jobs.items():
            known = self._store.result(self.tasks[name].key)
            if known is None or known.verdict not in JUDGED or not all(map(_exists, paths_written(job.plan))):
                self.left.append(name)
            else:
                self._end(replace(known, words=tuple(job.words), labels=job.labels, resumed=True))

    def run_on(self, executor: Executor) -> None:
        """Run what is left, until all of it has ended or one has to stop."""
        submitted: dict[str, None] = {}
        waits = bool(getattr(executor, "keeps_references", False))
        while (self.left or submitted) and not self._stop:
            while len(submitted) < executor.slots and (name := self._next(submitted if waits else ())) is not None:
                self.left.remove(name)
                submitted[name] = None
                executor.submit(self.tasks[name])
            for ended in executor.wait(_TICK):
                name = self._names[ended.key]
                del submitted[name]
                result = self._result(self._jobs[name], ended)
                self._keep(result)
                self._end(result)
            # A place may know which of those that it took are running.
            running = getattr(executor, "running", None)
            self._watch.tick(list(submitted) if running is None else [self._names[key] for key in running])

    def _keep(self, result: JobResult) -> None:
        """Keep a result, unless it may be that of other files than its key stands for."""
        if changed := self._made.changed(result.key):
            _log.warning(
                "%s: %s changed while the suite ran; the result is not kept for --resume", result.name, changed[0]
            )
            self._store.forget_reference(self.tasks[result.name].reference)
        else:
            self._store.keep(result)

    def _next(self, submitted: Collection[str]) -> str | None:
        """The next job to submit; not one whose reference another is just computing."""
        busy = {self.tasks[name].reference for name in submitted} - {""}
        for name in self.left:
            reference = self.tasks[name].reference
            if reference not in busy or (self._store.references / reference).exists():
                return name
        return None

    def _end(self, result: JobResult) -> None:
        self.results[result.name] = result
        self._watch.ended(result)
        if self._options.fail_fast and result.verdict not in GOOD:
            self._stop = True

    def _result(self, job: Job, ended: Ended) -> JobResult:
        report: dict[str, Any] | None = None
        if ended.report is not None:
            report = json.loads(self._made.relative(ended.report.decode()))
        verdict, message, code = judged(ended.fate, self._made.relative(ended.message), report)
        return JobResult(
            name=job.name,
            verdict=verdict,
            message=message,
            key=ended.key,
            words=tuple(job.words),
            exit_code=code,
            seconds=ended.seconds,
            host=ended.host,
            attempts=ended.attempts,
            log="" if verdict in JUDGED else ended.log,
            report=report,
            labels=job.labels,
        )


def _not_run(job: Job, task: Task) -> JobResult:
    return JobResult(job.name, "NOT RUN", "the suite stopped before it", task.key, tuple(job.words), labels=job.labels)


def _exists(path: str) -> bool:
    import os

    return os.path.exists(path)
