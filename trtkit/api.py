"""The public functions that are more than one call into a single module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trtkit.backends.base import Runner
from trtkit.comparator.compare import CompareOptions, PairComparator
from trtkit.comparator.outcome import PairOutcome
from trtkit.plan import RunnerPlan, RunPlan
from trtkit.prepare import make_runners, open_model
from trtkit.results import Iteration

__all__ = ["compare", "open_runner"]


def open_runner(backend: str, model: str | Path, **options: Any) -> Runner:
    """A runner for use in a `with` statement, where it loads the model.

        with trtkit.open_runner("onnxrt", "model.onnx", graph_optimization_level="basic") as runner:
            outputs = runner.infer({"x": x})

    Args:
        backend: name of the backend, such as `onnxrt`.
        model: path of the model.
        options: fields of the backend's Options.

    Raises:
        UsageError: the backend or an option does not exist.
        FileError: there is no such model.
    """
    plan = RunPlan(model=model, runners=[RunnerPlan(backend, options=options)])
    return make_runners(plan, open_model(plan))[0]


def compare(
    actual: Mapping[str, Any], expected: Mapping[str, Any], options: CompareOptions | None = None
) -> PairOutcome:
    """Compare two sets of named arrays.

    Args:
        actual: the arrays to judge.
        expected: what they should be; relative errors are relative to them.
        options: metrics and thresholds; by default `simple` with the tolerances of each data type.

    Returns:
        The outcome; `outcome.passed` is the verdict. Arrays on one side only are a failure.
    """
    comparator = PairComparator("actual", "expected", options or CompareOptions())
    comparator.compare(0, Iteration(dict(actual), "actual"), Iteration(dict(expected), "expected"))
    return comparator.outcome()
