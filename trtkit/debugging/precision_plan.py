"""What a search for nodes that must stay in FP32 is asked to do, as a frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trtkit.backends.onnx.options import OnnxOptions
from trtkit.comparator.inputs import InputOptions
from trtkit.comparator.options import CompareOptions
from trtkit.errors import UsageError
from trtkit.models import ModelFile
from trtkit.plan import ExecutionOptions, RunnerPlan
from trtkit.precision_config import Precision, PrecisionRequest

__all__ = ["DEFAULT_EVALUATIONS", "LEAST_EVALUATIONS", "PrecisionSearch"]

DEFAULT_EVALUATIONS = 200
LEAST_EVALUATIONS = 3
"""Nothing kept, everything kept, and one set between."""


@dataclass(frozen=True)
class PrecisionSearch:
    """What is searched, and who judges.

    Attributes:
        model: the model; ONNX only.
        precisions: the precisions that are asked for.
        judge: the runner that is compared, with the options that make it compute in these precisions.
        judge_fp32: the same runner, computing in FP32.
        reference: the runner whose answers are the expected ones.
        inputs: the feeds; all of them count.
        onnx: how the model is read; its `keep_fp32` stay in FP32 anyway.
        execution: scripts that change outputs or compare them; nothing else of it is used.
        compare: when outputs match.
        max_evaluations: how many sets of nodes are tried at most.
        output: the precision config to write.

    Raises:
        UsageError: the model is no ONNX model, or options contradict each other.
    """

    model: ModelFile
    precisions: tuple[Precision, ...]
    judge: RunnerPlan
    judge_fp32: RunnerPlan
    reference: RunnerPlan
    inputs: InputOptions = field(default_factory=InputOptions)
    onnx: OnnxOptions = field(default_factory=OnnxOptions)
    execution: ExecutionOptions = field(default_factory=ExecutionOptions)
    compare: CompareOptions = field(default_factory=CompareOptions)
    max_evaluations: int = DEFAULT_EVALUATIONS
    output: Path | None = None

    def __post_init__(self) -> None:
        PrecisionRequest(self.precisions)  # it refuses what excludes each other
        if self.model.kind != "onnx":
            raise UsageError(
                f"the search names nodes of ONNX models, but {str(self.model.path)!r} is of type {self.model.kind}"
            )
        if self.max_evaluations < LEAST_EVALUATIONS:
            raise UsageError(f"--max-evaluations {self.max_evaluations}: at least {LEAST_EVALUATIONS} are needed")
        if self.output is not None and self.output.resolve() == self.model.path.resolve():
            raise UsageError(f"-o {str(self.output)!r} is the model itself; choose another name")
