"""What can run in parts (`--max-memory`), seen from the plan alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtkit.errors import UsageError
from trtkit.options import changed_flags

if TYPE_CHECKING:
    from trtkit.plan import RunPlan

__all__ = ["check_parts"]

_BACKENDS = ("onnxrt", "onnxref")

_ONE_PART = "its script would get the outputs of one part of the graph at a time"
_TOGETHER = "the runners answer together in each part of the graph"
_EXCLUDED = {
    "--duration": "it times a whole model",
    "--sequential-runners": _TOGETHER,
    "--use-subprocess": _TOGETHER,
    "--postprocess-func-script": _ONE_PART,
    "--compare-func-script": _ONE_PART,
}

_ROUNDED = {"precision": "--ort-precision", "fp32_twin": "--ort-fp32-twin"}
"""Options of runners that compute in other types than the model has, which what goes from part to part would lose."""


def check_parts(plan: RunPlan) -> None:
    """Refuse, with the reason, what does not go with parts of a graph.

    Raises:
        UsageError: an option needs the whole model or all of its outputs at once, or a backend cannot run parts.
    """
    if plan.execution.max_memory == 0:
        raise UsageError("--max-memory 0: expected a number of bytes above 0, such as 512M or 2G")
    for flag in changed_flags(plan.execution):
        if flag in _EXCLUDED:
            raise UsageError(f"{flag} cannot be used with --max-memory: {_EXCLUDED[flag]}; leave one of the two out")
    if not plan.onnx.outputs and not plan.onnx.outputs_by_type:
        raise UsageError("--max-memory has no effect without --onnx-outputs or --onnx-outputs-by-type")
    for runner in plan.named_runners:
        if runner.backend not in _BACKENDS:
            raise UsageError(
                f"--max-memory: {runner.backend} cannot run a model in parts, only {' and '.join(_BACKENDS)} can; "
                "leave --max-memory out"
            )
    rounded = ["--fp-to-fp16"] if plan.onnx.fp_to_fp16 else []
    rounded += [flag for runner in plan.named_runners for name, flag in _ROUNDED.items() if runner.options.get(name)]
    if rounded:
        raise UsageError(
            f"{rounded[0]} cannot be used with --max-memory: what goes from part to part has the model's own types; "
            "leave one of the two out"
        )
    if plan.compare.map_outputs:
        raise UsageError("--map-outputs cannot be used with --max-memory: two outputs may be in different parts")
    if plan.compare.fail_fast and (plan.save.save_outputs is not None or plan.save.save_baseline is not None):
        flag = "--save-outputs" if plan.save.save_outputs is not None else "--save-baseline"
        raise UsageError(f"{flag} with --max-memory needs all parts to run; leave out --fail-fast")
