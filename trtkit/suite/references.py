"""Outputs of a reference, computed by one job of a suite and used by the others that ask it the same.

A folder for each reference: `outputs.safetensors` as `--save-outputs` writes it, and `feeds.json`, the hashes of the
feeds that the outputs answer. A feed whose hashes are not there is run, so the key of a folder cannot make a result
wrong in silence, only useless.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.base import Runner
from trtkit.errors import FileError, TrtkitError
from trtkit.fingerprint import array_sha256
from trtkit.plan import RunPlan, asked_of
from trtkit.plan_data import plan_data
from trtkit.report.model import Report
from trtkit.results import Feed, Iteration, Outputs
from trtkit.tensors import TensorSpec, TensorSpecs

if TYPE_CHECKING:
    from trtkit.results import Writer

__all__ = ["Remembered", "reference_of", "with_note"]

_log = logging.getLogger(__name__)

_OUTPUTS, _FEEDS = "outputs.safetensors", "feeds.json"
_BACKENDS = ("onnxref", "onnxrt")
"""Those that answer the same each time, and are rarely what is measured."""


def reference_of(plan: RunPlan, depends: Mapping[str, Any]) -> str:
    """What a plan's last runner answers, as a hash; empty where its answers are not to be taken from another job.

    Args:
        plan: a plan.
        depends: what the answers depend on beside the plan: hashes of files, versions.
    """
    runners, execution = plan.named_runners, plan.execution
    if len(runners) < 2 or plan.baseline is not None or plan.load_outputs or runners[-1].backend not in _BACKENDS:
        return ""
    # A script's data may be other data each time; who runs in turn, warms up or measures wants the runner itself.
    if plan.inputs.data_loader_script is not None or execution.sequential_runners:
        return ""
    if execution.duration is not None or execution.warm_up or asked_of(runners[-1]) or plan.onnx.fp_to_fp16:
        return ""
    if plan.save.save_baseline is not None:
        return ""
    data = plan_data(plan)
    asked = {name: data[name] for name in ("model", "inputs", "onnx")}
    last = {key: value for key, value in data["runners"][-1].items() if key != "name"}
    text = json.dumps({"asked": asked, "runner": last, "depends": depends}, sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


class Remembered:
    """A runner whose answers are kept in a folder, or taken from there (`trtkit.backends.base.Runner`).

    Args:
        runner: who answers what is not kept; it is entered when that is needed.
        folder: where answers are kept, and will be where they are not; its parent exists.

    Attributes:
        used: how many answers were taken from the folder.
    """

    def __init__(self, runner: Runner, folder: Path) -> None:
        self.name = runner.name
        self.used = 0
        self._runner = runner
        self._folder = folder
        self._stack = ExitStack()
        self._entered = False
        self._kept: Any = None
        self._places: dict[str, int] = {}
        self._specs: dict[str, TensorSpec] = {}
        self._writer: Writer | None = None
        self._new: Path | None = None

    def __enter__(self) -> Remembered:
        with ExitStack() as stack:
            self._stack = stack
            if not self._open():
                self._enter()
                self._start_writing()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: Any) -> None:
        if self._writer is not None:
            self._stop_writing(keep=exc[0] is None)
        self._stack.__exit__(*exc)

    def __getattr__(self, name: str) -> Any:
        """What the runner may have beside the protocol: as far as it runs."""
        if name.startswith("_") or not self._entered:
            raise AttributeError(name)
        return getattr(self._runner, name)

    def input_specs(self) -> TensorSpecs:
        """The runner's inputs; where its answers are taken, as they were when these were kept."""
        return self._runner.input_specs() if self._entered else self._specs

    def infer(self, feed: Feed) -> Outputs:
        """The answer that is kept for this feed, or the runner's.

        Raises:
            BackendError, InputError: as the runner.
            FileError: what is kept was damaged.
        """
        digest = _digest(feed)
        if self._kept is not None and digest in self._places:
            self.used += 1
            arrays: Outputs = self._kept[self._places[digest]].arrays
            return arrays
        if not self._entered:
            self._enter()
        answer = self._runner.infer(feed)
        if self._writer is not None and digest not in self._places:
            try:
                self._writer.write(Iteration(answer, self.name))
                self._places[digest] = len(self._places)
            except TrtkitError as error:  # a full disk, a type that the format lacks: the run needs none of it
                _log.debug("the answers of %s are not kept: %s", self.name, error)
                self._stop_writing(keep=False)
        return answer

    def _enter(self) -> None:
        self._stack.enter_context(self._runner)
        self._entered = True

    def _open(self) -> bool:
        """Whether there are answers to take."""
        from trtkit import files

        try:
            data = json.loads((self._folder / _FEEDS).read_bytes())
            specs = [TensorSpec(**each) for each in data["inputs"]]
            self._specs = {
                spec.name: spec if spec.shape is None else replace(spec, shape=tuple(spec.shape)) for spec in specs
            }
            self._places = data["feeds"]
            self._kept = files.read_outputs(self._folder / _OUTPUTS).runs[0].iterations
            os.utime(self._folder)
        except (OSError, ValueError, KeyError, TypeError, IndexError, FileError):
            self._places, self._kept = {}, None
            return False
        return True

    def _start_writing(self) -> None:
        from trtkit import files

        try:
            self._new = Path(tempfile.mkdtemp(prefix="new-", dir=self._folder.parent))
            self._writer = files.open_writer(self._new / _OUTPUTS, "outputs")
        except (OSError, TrtkitError) as error:
            _log.debug("the answers of %s are not kept: %s", self.name, error)

    def _stop_writing(self, keep: bool) -> None:
        """Put the folder in its place, where nobody else was quicker, or remove it."""
        assert self._writer is not None
        assert self._new is not None
        writer, self._writer = self._writer, None
        try:
            if keep:
                writer.close()
                specs = [vars(spec) for spec in self._runner.input_specs().values()]
                (self._new / _FEEDS).write_text(json.dumps({"inputs": specs, "feeds": self._places}))
                os.rename(self._new, self._folder)
            else:
                writer.discard()
        except (OSError, TrtkitError) as error:
            _log.debug("the answers of %s are not kept: %s", self.name, error)
        finally:
            shutil.rmtree(self._new, ignore_errors=True)


def with_note(report: Report, runner: Remembered) -> Report:
    """The report with what was not computed for it: a note, and no latency of a runner that did not run."""
    if not runner.used:
        return report
    note = f"{runner.name}: {runner.used} of its answers are those of an earlier job with the same model and inputs"
    runners = [replace(each, latency=None) if each.name == runner.name else each for each in report.runners]
    return replace(report, runners=runners, notes=(*report.notes, note))


def _digest(feed: Feed) -> str:
    hashes = {name: array_sha256(array) for name, array in feed.items()}
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()
