"""Other ways in which a reference may compute the same: what differs between them is noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trtkit.plan import RunnerPlan

__all__ = ["variants_of"]

_LEVELS = ("disable_all", "basic", "extended", "all")
_THREADS = (1, 2)
_BUILDER_LEVELS = (0, 2)
_WRITTEN = ("save_engine", "save_tactics", "save_timing_cache")
"""Options of TensorRT with which a variant would write over what the reference wrote."""


def variants_of(reference: RunnerPlan, kind: str) -> list[RunnerPlan]:
    """The variants of a reference, each with a name that says what differs.

    ONNX Runtime: the other graph optimisation levels; one and two threads. TensorRT: engines built again, with the same
    and with other optimisation levels; an engine that is there already, loaded again. The reference evaluator has none.

    Args:
        reference: the runner.
        kind: of the model.
    """
    options = {name: value for name, value in reference.options.items() if name not in _WRITTEN}
    if reference.backend == "onnxrt":
        from trtkit.backends.onnxrt.options import Options

        own = Options(**options)
        levels = [level for level in _LEVELS if level != own.graph_optimization_level]
        threads = [number for number in _THREADS if number != own.intra_op_threads]
        return [
            *(_changed(reference, options, graph_optimization_level=level) for level in levels),
            *(_changed(reference, options, intra_op_threads=number) for number in threads),
        ]
    if reference.backend == "trt":
        if kind == "engine":
            return [RunnerPlan("trt", "loaded again", options)]
        again = RunnerPlan("trt", "built again", options)
        wanted = [level for level in _BUILDER_LEVELS if level != options.get("builder_optimization_level")]
        return [again, *(_changed(reference, options, builder_optimization_level=level) for level in wanted)]
    return []


def _changed(reference: RunnerPlan, options: Mapping[str, Any], **changes: Any) -> RunnerPlan:
    name = ",".join(f"{key.replace('_', '-')}={value}" for key, value in changes.items())
    return RunnerPlan(reference.backend, name, {**options, **changes})
