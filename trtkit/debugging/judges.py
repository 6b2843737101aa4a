"""Who says whether a part of a model fails: runners that are compared, or a command."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from trtkit.comparator.inputs import InputOptions
from trtkit.comparator.options import CompareOptions, named_outputs
from trtkit.debugging.checks import CheckOptions, Outcome, filled, run_check
from trtkit.errors import BackendError, InputError, ModelError, UsageError, one_line
from trtkit.models import ModelFile
from trtkit.plan import ExecutionOptions, RunnerPlan, RunPlan, asked_of
from trtkit.precision_config import EIGHT_BITS, PrecisionRequest
from trtkit.precision_summary import NothingLoweredError

if TYPE_CHECKING:
    from trtkit.backends.onnx.options import OnnxOptions
    from trtkit.report.model import Report

__all__ = ["UNUSABLE", "CommandJudge", "Judge", "RunJudge"]

UNUSABLE = "unusable"
"""The kind of outcome that says nothing: no runner works."""

_FAILURES = (ModelError, BackendError, InputError)
"""What a runner raises about a model that it cannot load or run."""


class Judge(Protocol):
    """Judges a model on the inputs in a file beside it."""

    def judge(self, model: Path, inputs: Path) -> Outcome:
        """Whether the model fails.

        Raises:
            ScriptError: a command could not be started, or a script of the user's failed.
            UsageError, MissingError: a runner cannot be made.
        """

    def command(self, model: Path, inputs: Path) -> str:
        """What to type to see the same again."""


@dataclass(frozen=True)
class CommandJudge:
    """A command of the user's, with `{model}` and `{inputs}` replaced by the two paths."""

    words: Sequence[str]
    options: CheckOptions

    def judge(self, model: Path, inputs: Path) -> Outcome:
        """Run the command; see `Judge`."""
        return run_check(self._filled(model, inputs), self.options)

    def command(self, model: Path, inputs: Path) -> str:
        """The command with these paths."""
        return shlex.join(self._filled(model, inputs))

    def _filled(self, model: Path, inputs: Path) -> list[str]:
        return filled(self.words, {"model": str(model), "inputs": str(inputs)})


@dataclass(frozen=True)
class RunJudge:
    """Runners on every feed, as in `trtkit run`: outputs that differ are a failure, and so is a runner that cannot run
    the model where another one can.

    Attributes:
        runners: as in `RunPlan`.
        onnx: what runners that rewrite the model want to know.
        execution, compare: as in `RunPlan`. Thresholds hold for all outputs, since parts have others than the model.
        typed: the words of a command line that say all this but for the nodes that stay in FP32, for `command`.

    Raises:
        UsageError: fewer than two runners and nothing to validate, options for single outputs, or a file of decisions
            for all nodes.
    """

    runners: Sequence[RunnerPlan]
    onnx: OnnxOptions
    execution: ExecutionOptions = field(default_factory=ExecutionOptions)
    compare: CompareOptions = field(default_factory=CompareOptions)
    typed: Sequence[str] = ()

    def __post_init__(self) -> None:
        if len(self.runners) < 2 and not self.compare.validate:
            raise UsageError("one runner alone is compared with nothing; add another one, --validate, or give --check")
        single = {name: flag for name, flag in named_outputs(self.compare).items() if name}
        single.update({each.name: "--postprocess" for each in self.compare.postprocess if each.name})
        single.update(dict.fromkeys(self.compare.map_outputs, "--map-outputs"))
        for name, flag in single.items():
            raise UsageError(f"{flag} names the output {name!r}, which parts of the model lack; say it for all outputs")
        if self.onnx.precision_config is not None:
            raise UsageError(
                "--precision-config decides on nodes that parts of the model lack; say what stays with --keep-fp32, or "
                "change the model first, with --fp-to-fp16"
            )

    def judge(self, model: Path, inputs: Path) -> Outcome:
        """Run and compare; see `Judge`."""
        from trtkit.session import run

        plan = self._plan(model, inputs)
        try:
            report = run(plan)
        except NothingLoweredError as error:  # not the failure of a runner: what it is asked about is not there
            return Outcome(False, UNUSABLE, one_line(error, 300))
        except _FAILURES as error:
            return _blamed(plan, one_line(error, 300))
        return Outcome(report.verdict == "FAIL", "differs", _worst(report))

    def command(self, model: Path, inputs: Path) -> str:
        """`trtkit run` with what was typed."""
        kept = self._kept(model)
        words = [*self.typed, *(["--keep-fp32", *kept] if kept else [])]
        return shlex.join(["trtkit", "run", str(model), *words, "--load-inputs", str(inputs)])

    def _kept(self, model: Path) -> tuple[str, ...]:
        """What of `--keep-fp32` a model has; that the whole model has all of it is seen to elsewhere."""
        if not self.onnx.keep_fp32:
            return ()
        from trtkit.backends.onnx.precision.keys import node_keys
        from trtkit.backends.onnx.precision.selection import chosen
        from trtkit.backends.onnx.reading import read_structure

        nodes, found = node_keys(read_structure(model)), []
        for pattern in self.onnx.keep_fp32:
            with contextlib.suppress(UsageError):  # it matches nothing here
                chosen(nodes, PrecisionRequest(("fp16",), keep_fp32=(pattern,)))
                found.append(pattern)
        return tuple(found)

    def _plan(self, model: Path, inputs: Path) -> RunPlan:
        return RunPlan(
            model=ModelFile(model, "onnx"),
            runners=self.runners,
            inputs=InputOptions(load_inputs=(str(inputs),)),
            onnx=replace(self.onnx, keep_fp32=self._kept(model)),
            execution=self.execution,
            compare=self.compare,
        )


def _blamed(plan: RunPlan, message: str) -> Outcome:
    """Which runners of a plan that failed cannot do it alone."""
    from trtkit.session import run

    execution = replace(plan.execution, compare_func_script=None)
    broken: dict[str, str] = {}
    for runner in plan.named_runners:
        try:
            onnx = _choices_for(runner, plan.onnx)
            run(replace(plan, runners=[runner], onnx=onnx, execution=execution, compare=CompareOptions()))
        except _FAILURES as error:
            broken[runner.name] = one_line(error, 300)
    if len(broken) == len(plan.named_runners):
        return Outcome(False, UNUSABLE, f"no runner works: {message}")
    names = " and ".join(broken) or "the runners together"
    return Outcome(True, f"error of {names}", "; ".join(broken.values()) or message)


def _choices_for(runner: RunnerPlan, onnx: OnnxOptions) -> OnnxOptions:
    """What of the choices of precision is of use where this runner is alone."""
    asked = asked_of(runner)
    plain = type(onnx)()
    if not asked:
        return plain
    if set(EIGHT_BITS) & set(asked):
        return onnx
    percentile = plain.calibration_percentile
    return replace(onnx, calibration_method=plain.calibration_method, calibration_percentile=percentile)


def _worst(report: Report) -> str:
    """The first thing that failed, in a few words."""
    lines = list(report.problems)
    for pair in report.pairs:
        lines += pair.problems
        lines += [
            f"{output.name}: {metric.worst.summary}"
            for output in pair.outputs
            for metric in output.metrics
            if not metric.passed
        ]
    return one_line(lines[0], 300) if lines else report.verdict_text()
