"""What a job depends on, as one hash: with the same key, it comes to the same result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trtkit import __version__
from trtkit.comparator.metrics import METRICS
from trtkit.errors import TrtkitError
from trtkit.plan_data import plan_data
from trtkit.report.environment import environment
from trtkit.suite.executor import Task
from trtkit.suite.paths import paths_read
from trtkit.suite.references import reference_of
from trtkit.suite.spec import Job
from trtkit.suite.store import FileHashes
from trtkit.waivers import read_waivers, utc_today

__all__ = ["TaskMaker"]

_FORM = 1
"""Counts the forms that a key has had."""


class TaskMaker:
    """Makes tasks of jobs, with the hashes of their files.

    Args:
        folder: the suite's, which a key does not depend on.
        hashes: of files.
    """

    def __init__(self, folder: Path, hashes: FileHashes) -> None:
        self._folder = folder
        self._hashes = hashes
        self._weights: dict[tuple[str, str], tuple[str, ...]] = {}
        self._where: Mapping[str, Any] | None = None
        self._paths: dict[str, tuple[str, ...]] = {}

    def task(self, job: Job) -> Task:
        """The task of a job; files that cannot be read are not among its files, and are part of its key."""
        hashes: dict[str, str | None] = {}
        for path in (*paths_read(job.plan), *self._external(job), *job.files):
            hashes |= self._hashes.of(Path(path))
        data = {
            "form": _FORM,
            "trtkit": __version__,
            "name": job.name,
            "plan": plan_data(job.plan),
            "files": hashes,
            "expired": self._expired(job),
            "environment": self._environment(),
        }
        depends = {name: data[name] for name in ("trtkit", "environment")} | {"files": self._shared(job, hashes)}
        text = self.relative(json.dumps(data, sort_keys=True))
        key = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        self._paths[key] = tuple(hashes)
        files = {path: digest for path, digest in hashes.items() if digest is not None}
        reference = reference_of(job.plan, depends)
        return Task(key, job.name, job.plan, files, job.seconds, job.memory, job.gpus, reference)

    def changed(self, key: str) -> list[str]:
        """The files of a task of this maker, by its key, that are not any more what they were when it was made."""
        return [self.relative(path) for path in self._paths[key] if self._hashes.changed(path)]

    def relative(self, text: str) -> str:
        """JSON with paths in the suite's folder as they stand in its file, so that it is the same in each checkout."""
        return text.replace(json.dumps(f"{self._folder}/")[1:-1], "")

    def _shared(self, job: Job, hashes: Mapping[str, str | None]) -> dict[str, str | None]:
        """The hashes of what a reference depends on: the model, its weights, its inputs; not what judges it."""
        model = [] if job.plan.model_file is None else [str(job.plan.model_file.path)]
        wanted = (*model, *self._external(job), *job.plan.inputs.load_inputs, *job.files)
        return {path: digest for each in wanted for path, digest in hashes.items() if Path(path).is_relative_to(each)}

    def _external(self, job: Job) -> tuple[str, ...]:
        """The files beside an ONNX model that hold its weights; none where that cannot be told."""
        model, folder = job.plan.model_file, job.plan.onnx.external_data_dir
        if model is None or model.kind != "onnx":
            return ()
        place = (str(model.path), str(folder))
        if place not in self._weights:
            from trtkit.backends.onnx.external import external_files  # with onnx

            try:
                found = tuple(str(path.resolve()) for path in external_files(model.path, folder).values())
            except (TrtkitError, OSError):
                found = ()
            self._weights[place] = found
        return self._weights[place]

    def _expired(self, job: Job) -> list[list[bool] | None]:
        """Which waivers do not hold today: when one expires, the job is another."""
        found: list[list[bool] | None] = []
        for path in job.plan.waivers:
            try:
                found.append([waiver.expires < utc_today() for waiver in read_waivers(path, (*METRICS, "custom"))])
            except TrtkitError:
                found.append(None)
        return found

    def _environment(self) -> Mapping[str, Any]:
        """The versions and devices that can change a result; not how many CPUs there are."""
        if self._where is None:
            whole = environment()
            cpu = whole["cpu"]
            assert isinstance(cpu, dict)
            self._where = {name: whole[name] for name in ("python", "machine", "gpus", "packages")}
            self._where = {**self._where, "cpu": cpu["model"]}
        return self._where
