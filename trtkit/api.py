"""The public functions that are more than one call into a single module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.base import Runner
from trtkit.comparator.compare import PairComparator
from trtkit.comparator.inputs import check_feed
from trtkit.comparator.options import CompareOptions
from trtkit.comparator.outcome import PairOutcome
from trtkit.errors import InputError, UsageError
from trtkit.measuring import host_side, optional_answer, takes_device_arrays
from trtkit.plan import RunnerPlan, RunPlan, asked_of
from trtkit.precision_config import EIGHT_BITS
from trtkit.prepare import make_runners, open_model
from trtkit.results import Feeds, Iteration

if TYPE_CHECKING:
    from typing_extensions import Self

    from trtkit.precision_summary import PrecisionSummary
    from trtkit.results import Feed, Outputs
    from trtkit.tensors import TensorSpecs
    from trtkit.timing import GpuState, LayerTime

__all__ = ["OpenRunner", "compare", "open_runner"]


def open_runner(
    backend: str,
    model: str | Path,
    *,
    timed: bool = False,
    feeds: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
    **options: Any,
) -> OpenRunner:
    """A runner for use in a `with` statement, where it loads the model.

        with trtkit.open_runner("onnxrt", "model.onnx", graph_optimization_level="basic") as runner:
            outputs = runner.infer({"x": x})

    Args:
        backend: name of the backend, such as `onnxrt`.
        model: path of the model.
        timed: measure what `gpu_seconds` tells; it takes some microseconds of each inference.
        feeds: input data for loading the model, mappings from input name to array or a single one: int8 and fp8 are
            calibrated with it, and a model with dynamic inputs is built for the shapes of the first. By default there
            is none for calibration, and dynamic sizes are 1.
        options: fields of the backend's Options.

    Raises:
        UsageError: the backend or an option does not exist.
        FileError: there is no such model.
    """
    wanted = RunnerPlan(backend, options=options)
    plan = RunPlan(model=model, runners=[wanted])
    given = None
    if feeds is not None:
        from trtkit.session import given_feeds  # with numpy

        given = given_feeds(list(feeds) if isinstance(feeds, Iterator) else feeds)
    elif set(EIGHT_BITS) & set(asked_of(wanted)):
        given = Feeds("no data", _NoData(), repeatable=True, length=None)  # random data must not calibrate in silence
    return OpenRunner(make_runners(plan, open_model(plan), given, timed=timed)[0])


class _NoData:
    """Input data that was not given."""

    def __iter__(self) -> Iterator[Feed]:
        raise InputError("int8 and fp8 are calibrated with input data: give open_runner(..., feeds=[{...}, ...])")


class OpenRunner:
    """A runner whose feeds are checked, and that says so when it is used outside its `with` statement."""

    def __init__(self, runner: Runner) -> None:
        self.name = runner.name
        self._runner = runner
        self._entered = False
        self._takes_device_arrays = takes_device_arrays(runner)
        self._last: dict[str, _Input] = {}

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._entered = True
        return self

    def __exit__(self, *exc: object) -> None:
        self._entered = False
        self._last = {}
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
        return self._runner.infer(self._checked(feed))

    def gpu_seconds(self) -> float | None:
        """How long the last inference took on the GPU, without copies; None unless it was opened with `timed`, and
        where a backend does not run on a GPU."""
        seconds: float | None = self._asked("gpu_seconds")
        return seconds

    def gpu_state(self) -> GpuState | None:
        """The GPU that this runs on, and its clocks now; None where it runs elsewhere."""
        state: GpuState | None = self._asked("gpu_state")
        return state

    def precision_summary(self) -> PrecisionSummary | None:
        """What the engine that was built computes in, or what the model was rewritten to; None where neither was."""
        summary: PrecisionSummary | None = self._asked("precision_summary")
        return summary

    def layer_times(self, feed: Mapping[str, Any]) -> tuple[LayerTime, ...] | None:
        """What each layer takes, in inferences of their own; None where that was not asked for or cannot be told.

        Raises:
            InputError: the feed does not fit the model.
            BackendError: the framework failed.
        """
        times: tuple[LayerTime, ...] | None = self._asked("layer_times", self._checked(feed))
        return times

    def _checked(self, feed: Mapping[str, Any]) -> Feed:
        """The feed as arrays that fit the model. One of the same form as the one before needs no further check."""
        arrays = self._repeated(feed)
        if arrays is None:
            from trtkit.comparator.feeds import as_feed

            self._check()
            arrays = as_feed(feed, "the feed")
            check_feed(0, arrays, self._runner.input_specs(), {})
            self._last = {name: _Input(feed[name], array) for name, array in arrays.items() if name in feed}
        return arrays if self._takes_device_arrays else host_side(arrays)

    def _repeated(self, feed: Mapping[str, Any]) -> Feed | None:
        """The feed as arrays, where every input has the type and shape, and on a GPU the place, of the one before."""
        if type(feed) is not dict or len(feed) != len(self._last):
            return None
        arrays: dict[str, Any] = {}
        for name, value in feed.items():
            known = self._last.get(name)
            if known is None or (array := known.again(value)) is None:
                return None
            arrays[name] = array
        return arrays or None

    def _asked(self, member: str, *arguments: Any) -> Any:
        self._check()
        return optional_answer(self._runner, member, *arguments)

    def _check(self) -> None:
        if not self._entered:
            raise UsageError(f"the runner {self.name!r} is not loaded; use it inside `with`")


class _Input:
    """What an input looked like that fits: recognising its like takes a fraction of checking it.

    Args:
        value: what the caller gave.
        array: what became of it.
    """

    __slots__ = ("_array", "_dtype", "_interface", "_itself", "_shape", "_type")

    def __init__(self, value: Any, array: Any) -> None:
        self._type = type(value)
        self._dtype, self._shape = array.dtype, array.shape
        self._array = array
        self._itself = type(array) is self._type  # not so for scalars, or tensors of another library
        # PyTorch's tensors lie in the stream that is current when they are given, which their interface does not tell.
        tells = value is not array and not self._type.__module__.startswith("torch")
        self._interface = getattr(value, "__cuda_array_interface__", None) if tells else None

    def again(self, value: Any) -> Any:
        """The array that a value stands for, if it is as the one before; else None."""
        if type(value) is not self._type:
            return None
        if self._interface is not None:
            return self._array if value.__cuda_array_interface__ == self._interface else None
        return value if self._itself and value.shape == self._shape and value.dtype == self._dtype else None


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
