"""From a plan to runners: the model is opened and edited, and every runner is made. Nothing is loaded yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trtkit.backends.base import OnnxModel, Runner, RunnerContext
from trtkit.backends.registry import Backend, find_backend
from trtkit.backends.replay import Replay
from trtkit.errors import FileError, UsageError
from trtkit.models import ModelFile
from trtkit.opening import open_file
from trtkit.plan import RunnerPlan, RunPlan
from trtkit.results import Feed, Feeds, Run
from trtkit.suggest import did_you_mean
from trtkit.tensors import Shape, TensorSpec, TensorSpecs

if TYPE_CHECKING:
    from trtkit.comparator.sweep import ShapeLimits

__all__ = ["backend_options", "feeds_for", "input_specs", "make_replays", "make_runners", "open_model", "run_feeds"]


def open_model(plan: RunPlan) -> OnnxModel | ModelFile | None:
    """The plan's model in the form that backends take; saved as well where the plan asks for that.

    Raises:
        FileError: there is no such file.
        ModelError: it cannot be loaded or edited.
        UsageError: a file that the plan saves holds the model's weights.
    """
    file = plan.model_file
    if file is None:
        return None
    if plan.saves and file.kind == "onnx":
        from trtkit.backends.onnx.external import check_spared

        check_spared(file.path, plan.onnx.external_data_dir, plan.saves)
    return open_file(file, plan.onnx)


def make_runners(
    plan: RunPlan,
    model: OnnxModel | ModelFile | None,
    given: Feeds | None = None,
    timed: bool = True,
    one_part: bool = False,
) -> list[Runner]:
    """One runner for each of the plan's, in order.

    Args:
        plan: what to do.
        model: from `open_model`.
        given: feeds that stand in for those of the plan.
        timed: whether the time on the GPU is measured too, where there is one; it takes some microseconds.
        one_part: whether the model is a part of the plan's.

    Raises:
        UsageError: a backend is unknown, cannot run this kind of model, or does not have an option.
    """
    together = len(plan.named_runners) > 1 and not plan.execution.sequential_runners
    context = RunnerContext(together, _feeds(plan, model, given), timed, one_part)
    runners = []
    for wanted in plan.named_runners:
        backend = find_backend(wanted.backend)
        file = plan.model_file
        if file is not None and file.kind not in backend.kinds:
            raise UsageError(
                f"{backend.name} cannot run {str(file.path)!r}, which is of type {file.kind}; "
                f"it runs {', '.join(backend.kinds)}"
            )
        options = backend_options(backend, wanted)
        runners.append(backend.load().create(wanted.name, model, options, context))
    return runners


def _feeds(
    plan: RunPlan, model: OnnxModel | ModelFile | None, given: Feeds | None
) -> Callable[[TensorSpecs], Iterable[Feed]] | None:
    """What gives a backend the feeds of the run beforehand; None where they can be gone through only once."""
    if given is None:

        def planned(specs: TensorSpecs) -> Iterable[Feed]:
            return _planned(plan, model, specs)

        return planned
    feeds = given
    return (lambda specs: feeds) if feeds.repeatable else None


def run_feeds(plan: RunPlan, model: OnnxModel | ModelFile | None, runners: Sequence[Runner]) -> Feeds:
    """The feeds that the plan describes, which are those of its baseline where it has one.

    Args:
        plan: what to do.
        model: from `open_model`.
        runners: at least one, entered; the first says what the inputs are.

    Raises:
        UsageError: there is nothing to sweep.
        InputError, FileError, ScriptError: as `trtkit.comparator.feeds.open_feeds`; while they are iterated also where
            they are not those of the baseline.
    """
    return _held(plan, _planned(plan, model, runners[0].input_specs(), runners))


def feeds_for(plan: RunPlan, model: OnnxModel | ModelFile | None, specs: TensorSpecs) -> Feeds:
    """As `run_feeds`, where no runner is there to ask: `specs` say what the inputs are."""
    return _held(plan, _planned(plan, model, specs))


def input_specs(model: OnnxModel) -> TensorSpecs:
    """The inputs of a model, those with a default last, which is the order in which random data is drawn."""
    return dict(sorted(model.specs()[0].items(), key=lambda each: each[1].optional))


def _held(plan: RunPlan, feeds: Feeds) -> Feeds:
    """The feeds, held against those of the baseline where there is one."""
    if plan.baseline is None:
        return feeds
    from trtkit.baselines.checking import same_feeds

    return same_feeds(plan, feeds)


def _planned(
    plan: RunPlan, model: OnnxModel | ModelFile | None, specs: TensorSpecs, entered: Sequence[Runner] = ()
) -> Feeds:
    from trtkit.comparator.feeds import open_feeds  # with numpy

    if not plan.inputs.shape_sweep:
        return open_feeds(plan.inputs, specs)
    return open_feeds(plan.inputs, _with_symbols(specs, model), list(_shape_limits(plan, entered)))


def _with_symbols(specs: TensorSpecs, model: OnnxModel | ModelFile | None) -> TensorSpecs:
    """The inputs with the symbols of their open dimensions, which an engine does not keep."""
    if model is None or isinstance(model, ModelFile):
        return specs
    known = model.specs()[0]

    def named(spec: TensorSpec) -> TensorSpec:
        shape: Shape | None = known[spec.name].shape if spec.name in known else None
        if spec.shape is None or shape is None or len(shape) != len(spec.shape):
            return spec
        together = zip(spec.shape, shape, strict=True)
        return replace(spec, shape=tuple(other if dim is None else dim for dim, other in together))

    return {name: named(spec) for name, spec in specs.items()}


def _shape_limits(plan: RunPlan, entered: Sequence[Runner]) -> Iterator[ShapeLimits]:
    """What shapes each runner takes: one that is entered says it, of others it is known as far as it was asked for."""
    from trtkit.comparator.sweep import ShapeLimits

    known: dict[str, Any] = {runner.name: getattr(runner, "shape_ranges", dict)() for runner in entered}
    for wanted in plan.named_runners:
        ranges = known.get(wanted.name)
        if ranges is None:
            options = backend_options(find_backend(wanted.backend), wanted)
            ranges = getattr(options, "asked_ranges", dict)()
        if ranges:
            yield ShapeLimits(wanted.name, ranges)


def make_replays(plan: RunPlan, taken: Sequence[str]) -> list[Replay]:
    """A replay for each saved run, named `FILE:RUNNER`, numbered where that is taken; the baseline's comes last.

    Raises:
        FileError: a file cannot be read, or holds no outputs.
    """
    if not plan.load_outputs and plan.baseline is None:
        return []
    from pathlib import Path

    from trtkit import files

    found: list[Run] = []
    for path in plan.load_outputs:
        runs = files.read_outputs(Path(path)).runs
        if not runs:
            raise FileError(f"{str(path)!r} holds no outputs: it was saved without a single iteration")
        found += [Run(f"{path}:{run.name}" if run.name else str(path), run.iterations) for run in runs]
    if plan.baseline is not None:
        from trtkit.baselines.checking import expected_run

        found.append(expected_run(str(plan.baseline)))
    replays: list[Replay] = []
    names = set(taken)
    for run in found:
        name, number = run.name, 1
        while name in names:
            number += 1
            name = f"{run.name}-{number}"
        names.add(name)
        replays.append(Replay(name, Run(name, run.iterations)))
    return replays


def backend_options(backend: Backend, wanted: RunnerPlan) -> Any:
    """The backend's options object from the plan's values.

    Raises:
        UsageError: it has no such option, or a value makes no sense.
    """
    cls = backend.load().Options
    known = getattr(cls, "__dataclass_fields__", {})
    for name in wanted.options:
        if name not in known:
            raise UsageError(f"{backend.name} has no option {name!r}{did_you_mean(name, known)}")
    return cls(**wanted.options)
