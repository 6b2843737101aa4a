"""What a calibration of tolerances is going to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.comparator.inputs import InputOptions
from trtkit.errors import UsageError
from trtkit.models import ModelFile
from trtkit.options import changed_flags, option, parse_count
from trtkit.plan import RunnerPlan, RunPlan, asked_of

__all__ = ["DEFAULT_FILE", "MARGIN", "CalibrationOptions", "CalibrationPlan"]

DEFAULT_FILE = "tolerances.toml"

MARGIN = 2.0
"""Tolerance over floor. Two implementations that are each no further from the exact result than the floor are no
further than twice the floor from each other."""

_REFERENCES = ("onnxrt", "onnxref", "trt")


@dataclass(frozen=True)
class CalibrationOptions:
    """How tolerances are calibrated."""

    calibrate_tolerance: int | None = option(
        None,
        "--calibrate-tolerance",
        help="compare nothing; measure the noise floor of the last runner on N feeds (seeds of random data, or yours) "
        "and write tolerances that follow from it",
        parse=parse_count(1),
        metavar="N",
    )
    save_tolerances: str | None = option(
        None,
        "--save-tolerances",
        help=f"where --calibrate-tolerance writes; an earlier file is replaced (default: {DEFAULT_FILE})",
        metavar="FILE.toml",
    )

    def __post_init__(self) -> None:
        if self.calibrate_tolerance is not None and self.calibrate_tolerance < 1:
            raise UsageError(f"--calibrate-tolerance {self.calibrate_tolerance}: at least one feed is needed")
        if self.save_tolerances is not None and self.calibrate_tolerance is None:
            raise UsageError("--save-tolerances has no effect without --calibrate-tolerance N; add it")
        if self.save_tolerances == "":
            raise UsageError("--save-tolerances: the path is empty, as from a variable that is not set")


@dataclass(frozen=True)
class CalibrationPlan:
    """A calibration.

    Attributes:
        model: the model.
        reference: the runner whose noise floor is measured.
        feeds: how many feeds to measure it on.
        inputs: where they come from; its `iterations` are not used.
        onnx: edits of the model.
        output: the file to write.
        ignored: names of runners that stand on the command line and are not run.
    """

    model: ModelFile
    reference: RunnerPlan
    feeds: int
    inputs: InputOptions = field(default_factory=InputOptions)
    onnx: OnnxOptions = field(default_factory=OnnxOptions)
    output: str = DEFAULT_FILE
    ignored: tuple[str, ...] = ()

    @classmethod
    def of_run(cls, run: RunPlan, options: CalibrationOptions) -> CalibrationPlan:
        """The calibration of the last runner of a run.

        Raises:
            UsageError: it has no runner whose noise can be measured, or options that a calibration has no use for.
        """
        assert options.calibrate_tolerance is not None  # that is why a calibration is wanted
        unused = [*changed_flags(run.execution), *changed_flags(run.compare)]
        unused += [flag for each in run.compare.metrics.values() for flag in changed_flags(each)]
        unused += changed_flags(run.save)
        for name in ("load_outputs", "baseline", "waivers"):
            unused += [f"--{name.replace('_', '-')}"] if getattr(run, name) else []
        if unused:
            raise UsageError(
                f"{unused[0]} has no effect with --calibrate-tolerance, which compares nothing; leave it out"
            )
        if run.inputs.iterations is not None:
            raise UsageError(
                "--iterations and --calibrate-tolerance N both say how many feeds there are; leave one out"
            )
        if run.inputs.shape_sweep:
            raise UsageError("--shape-sweep: --calibrate-tolerance measures at one shape; leave one of the two out")
        if not run.named_runners:
            raise UsageError("--calibrate-tolerance needs the backend whose noise is measured, such as --onnxrt")
        reference = run.named_runners[-1]
        if reference.backend not in _REFERENCES:
            raise UsageError(
                f"--calibrate-tolerance: the last runner is of the backend {reference.backend!r}, whose noise cannot "
                f"be measured; put one of {', '.join(_REFERENCES)} last"
            )
        if asked_of(reference):
            raise UsageError(
                "--calibrate-tolerance measures the noise of the model as it is; leave out the options that ask for a "
                "lower precision"
            )
        assert run.model_file is not None  # a plan with runners has one
        ignored = tuple(each.name for each in run.named_runners[:-1])
        output = options.save_tolerances or DEFAULT_FILE
        others: list[str | Path] = [run.model_file.path, *run.loads]
        others += filter(None, [run.onnx.save_onnx, run.onnx.save_precision_config])
        for path in others:
            if Path(path).resolve() == Path(output).resolve():
                raise UsageError(f"--save-tolerances {output!r} is a file that is used otherwise; save somewhere else")
        return cls(run.model_file, reference, options.calibrate_tolerance, run.inputs, run.onnx, output, ignored)

    def run_of(self, runner: RunnerPlan) -> RunPlan:
        """The plan that has this runner alone."""
        return RunPlan(self.model, [runner], inputs=self.inputs, onnx=self.onnx)
