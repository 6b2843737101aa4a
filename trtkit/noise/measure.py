"""Measuring the noise floor: the reference, its float64 twin and its variants, one after the other over all feeds.

Feeds, and the answers of reference and twin, wait on disk; one runner is alive at a time, and memory holds one feed.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trtkit import files
from trtkit.atomic import check_writable
from trtkit.backends.base import OnnxModel, Runner, RunnerContext
from trtkit.backends.registry import find_backend
from trtkit.comparator.feeds import limited, open_feeds
from trtkit.comparator.tolerance_file import write_tolerances
from trtkit.dtypes import DTYPES
from trtkit.errors import BackendError, InputError, MissingError, WorkError, one_line
from trtkit.measuring import host_side
from trtkit.models import ModelFile
from trtkit.noise.floor import OutputFloor, floor_of
from trtkit.noise.plan import MARGIN, CalibrationPlan
from trtkit.noise.variants import variants_of
from trtkit.prepare import make_runners, open_model
from trtkit.report.noise import NoiseReport
from trtkit.results import Array, Feed, Feeds, Iteration
from trtkit.session import checked_feeds, gathered_notes

__all__ = ["calibrate"]

log = logging.getLogger(__name__)

_REFERENCE, _TWIN = "the reference", "the float64 twin"


def calibrate(plan: CalibrationPlan) -> NoiseReport:
    """Measure the noise floor of a runner and write the tolerances that follow.

    Raises:
        UsageError: the plan makes no sense for this model.
        BackendError: the reference gives NaN or fails, or its variants differ in more than rounding.
        InputError: there are fewer feeds than asked for, or nothing to compare the reference with.
        WorkError, MissingError: as for a run.
    """
    check_writable(plan.output)
    for name in plan.ignored:
        log.info("%s is not run: the noise floor is that of %s", name, plan.reference.name)
    with tempfile.TemporaryDirectory(prefix="trtkit-") as folder:
        return _Calibration(plan, Path(folder)).carry_out()


class _Calibration:
    """One calibration, with a folder for what has to wait."""

    def __init__(self, plan: CalibrationPlan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._model = open_model(plan.run_of(plan.reference))
        self._floors: dict[str, OutputFloor] = {}
        self._notes: list[str] = []

    def carry_out(self) -> NoiseReport:
        plan = self._plan
        self._run_reference()
        twin, why_not = self._run_twin()
        if twin is not None:
            for feed, (expected, exact) in enumerate(
                zip(self._answers("reference"), self._answers("twin"), strict=True)
            ):
                self._see(exact, expected, feed, (_TWIN, _REFERENCE))
                self._see(expected, exact, feed, (_REFERENCE, _TWIN))
        variants = variants_of(plan.reference, plan.model.kind)
        if twin is None and not variants:
            raise InputError(
                f"there is nothing to measure the noise of {plan.reference.name} with: it has no variants, and the "
                f"model has no float64 twin ({why_not})"
            )
        for variant in variants:
            self._run_variant(variant, twin is not None)
        report = NoiseReport(
            reference=plan.reference.name,
            feeds=plan.feeds,
            variants=tuple(variant.name for variant in variants),
            twin=twin,
            why_no_twin=why_not,
            outputs=tuple(self._floors.values()),
            path=plan.output,
            replaced=Path(plan.output).exists(),
            notes=tuple(self._notes),
        )
        tolerances = {name: floor.tolerance() for name, floor in self._floors.items()}
        head = [
            f"{MARGIN:g} times the noise floor of {plan.reference.name}, model {plan.model.path}",
            "Give this file to --tolerances.",
            *report.evidence_lines(),
        ]
        write_tolerances(tolerances, head, plan.output)
        return report

    def _run_reference(self) -> None:
        plan = self._plan
        run = plan.run_of(plan.reference)
        log.info("running the reference, %s", plan.reference.name)
        with (
            make_runners(run, self._model, timed=False)[0] as runner,
            files.open_writer(self._folder / "inputs", "inputs") as kept,
            files.open_writer(self._folder / "reference", "outputs") as answers,
        ):
            feeds = _feeds(plan, runner)
            self._notes += gathered_notes(feeds, [runner])
            for note in self._notes:
                log.info("%s", note)
            for index, feed in enumerate(checked_feeds(feeds, [runner], run)):
                host = host_side(feed)
                kept.write(Iteration(host))
                outputs = runner.infer(host)
                if not self._floors:
                    self._floors = {name: floor_of(name, array) for name, array in outputs.items()}
                for name, array in outputs.items():
                    self._floors[name].see_reference(array, index, plan.reference.name)
                answers.write(Iteration(outputs, plan.reference.name))
        if not self._floors:
            raise InputError(f"{feeds.source} gave no feeds, or {plan.reference.name} has no outputs")

    def _run_twin(self) -> tuple[str | None, str]:
        """Run the float64 twin under the first backend that can; tells which, or why there is none."""
        model = self._model
        if model is None or isinstance(model, ModelFile):
            return None, f"the model is of type {self._plan.model.kind}"
        custom = self._plan.reference.options.get("custom_ops", ())
        ways: dict[str, Mapping[str, Any]] = {
            "onnxrt": {"graph_optimization_level": "disable_all", "custom_ops": custom},
            "onnxref": {},
        }
        reasons = []
        for backend, options in ways.items():
            try:
                self._run_twin_under(backend, options, model)
            except (WorkError, MissingError) as error:
                reasons.append(f"{backend}: {one_line(error, 200)}")
                log.info("the float64 twin does not run under %s: %s", backend, one_line(error, 300))
            else:
                return backend, ""
        return None, "; ".join(reasons)

    def _run_twin_under(self, backend: str, options: Mapping[str, Any], model: OnnxModel) -> None:
        log.info("running the float64 twin under %s", backend)
        module = find_backend(backend).load()
        context = RunnerContext()
        with (
            module.create("float64", model.float64_twin(), module.Options(**options), context) as runner,
            files.open_writer(self._folder / "twin", "outputs") as answers,
        ):
            specs = runner.input_specs()
            for feed in self._kept_feeds():
                wide = {name: _cast(array, specs[name].dtype) for name, array in feed.items() if name in specs}
                outputs = runner.infer(wide)
                if set(outputs) != set(self._floors):
                    raise BackendError("the twin has other outputs than the model")
                answers.write(Iteration(outputs, "float64"))

    def _run_variant(self, variant: Any, has_twin: bool) -> None:
        log.info("running the variant %s", variant.name)
        with make_runners(self._plan.run_of(variant), self._model, timed=False)[0] as runner:
            exact: Iterable[Iteration | None] = self._answers("twin") if has_twin else [None] * self._plan.feeds
            together = zip(self._kept_feeds(), self._answers("reference"), exact, strict=True)
            for index, (feed, expected, true) in enumerate(together):
                outputs = runner.infer(feed)
                self._see(outputs, expected, index, (variant.name, _REFERENCE))
                if true is not None:
                    self._see(outputs, true, index, (variant.name, _TWIN))

    def _see(
        self, actual: Mapping[str, Array], expected: Mapping[str, Array], feed: int, names: tuple[str, str]
    ) -> None:
        for name, floor in self._floors.items():
            floor.see(actual[name], expected[name], feed, names)

    def _kept_feeds(self) -> Sequence[Feed]:
        return files.read_inputs(self._folder / "inputs").runs[0].iterations

    def _answers(self, name: str) -> Sequence[Iteration]:
        return files.read_outputs(self._folder / name).runs[0].iterations


def _feeds(plan: CalibrationPlan, runner: Runner) -> Feeds:
    """As many feeds as are wanted, random ones or the user's.

    Raises:
        InputError: the user has fewer.
    """
    if plan.inputs.load_inputs or plan.inputs.data_loader_script is not None:
        return limited(open_feeds(plan.inputs, runner.input_specs()), plan.feeds, "--calibrate-tolerance")
    return open_feeds(replace(plan.inputs, iterations=plan.feeds), runner.input_specs())


def _cast(array: Array, dtype: str | None) -> Array:
    narrow = dtype == "float64" and DTYPES[array.dtype.name].kind == "float"
    return array.astype(np.float64) if narrow else array
