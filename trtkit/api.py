"""The public functions that are more than one call into a single module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.base import Runner
from trtkit.comparator.compare import CompareOptions, PairComparator
from trtkit.comparator.inputs import check_feed
from trtkit.comparator.outcome import PairOutcome
from trtkit.errors import InputError, UsageError
from trtkit.plan import RunnerPlan, RunPlan
from trtkit.prepare import make_runners, open_model
from trtkit.results import Iteration

if TYPE_CHECKING:
    from typing_extensions import Self

    from trtkit.results import Outputs
    from trtkit.tensors import TensorSpecs

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
    return _Checked(make_runners(plan, open_model(plan))[0])


class _Checked:
    """A runner whose feeds are checked, and that says so when it is used outside its `with` statement."""

    def __init__(self, runner: Runner) -> None:
        self.name = runner.name
        self._runner = runner
        self._entered = False

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._entered = True
        return self

    def __exit__(self, *exc: object) -> None:
        self._entered = False
        self._runner.__exit__(*exc)

    def input_specs(self) -> TensorSpecs:
        """The inputs in the model's order."""
        self._check()
        return self._runner.input_specs()

    def infer(self, feed: Mapping[str, Any]) -> Outputs:
        """Run once.

        Raises:
            InputError: the feed does not fit the model.
            BackendError: the framework failed.
        """
        from trtkit.comparator.feeds import as_feed

        self._check()
        arrays = as_feed(feed, "the feed")
        check_feed(0, arrays, self._runner.input_specs(), {})
        return self._runner.infer(arrays)

    def _check(self) -> None:
        if not self._entered:
            raise UsageError(f"the runner {self.name!r} is not loaded; use it inside `with`")


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

    Raises:
        InputError: one of them is not a mapping from name to array.
    """
    for side, arrays in (("actual", actual), ("expected", expected)):
        if not isinstance(arrays, Mapping):
            raise InputError(f"{side} is a {type(arrays).__name__}; give a mapping from name to array")
    comparator = PairComparator("actual", "expected", options or CompareOptions())
    comparator.compare(0, Iteration(dict(actual), "actual"), Iteration(dict(expected), "expected"))
    return comparator.outcome()
