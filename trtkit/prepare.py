"""From a plan to runners: the model is opened and edited, and every runner is made. Nothing is loaded yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from trtkit.backends.base import OnnxModel, Runner, RunnerContext
from trtkit.backends.registry import Backend, find_backend
from trtkit.backends.replay import Replay
from trtkit.errors import FileError, UsageError
from trtkit.models import ModelFile
from trtkit.opening import open_file
from trtkit.plan import RunnerPlan, RunPlan
from trtkit.results import Feed, Feeds, Run
from trtkit.suggest import did_you_mean
from trtkit.tensors import TensorSpecs

__all__ = ["backend_options", "make_replays", "make_runners", "open_model", "run_feeds"]


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
    plan: RunPlan, model: OnnxModel | ModelFile | None, given: Feeds | None = None, timed: bool = True
) -> list[Runner]:
    """One runner for each of the plan's, in order.

    Args:
        plan: what to do.
        model: from `open_model`.
        given: feeds that stand in for those of the plan.
        timed: whether the time on the GPU is measured too, where there is one; it takes some microseconds.

    Raises:
        UsageError: a backend is unknown, cannot run this kind of model, or does not have an option.
    """
    together = len(plan.named_runners) > 1 and not plan.execution.sequential_runners
    context = RunnerContext(shares_machine=together, feeds=_feeds(plan, given), timed=timed)
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


def _feeds(plan: RunPlan, given: Feeds | None) -> Callable[[TensorSpecs], Iterable[Feed]] | None:
    """What gives a backend the feeds of the run beforehand; None where they can be gone through only once."""
    if given is None:

        def planned(specs: TensorSpecs) -> Iterable[Feed]:
            from trtkit.comparator.feeds import open_feeds  # with numpy

            return open_feeds(plan.inputs, specs)

        return planned
    feeds = given
    return (lambda specs: feeds) if feeds.repeatable else None


def run_feeds(plan: RunPlan, specs: TensorSpecs) -> Feeds:
    """The feeds that the plan describes, which are those of its baseline where it has one.

    Raises:
        InputError, FileError, ScriptError: as `trtkit.comparator.feeds.open_feeds`; while they are iterated also where
            they are not those of the baseline.
    """
    from trtkit.comparator.feeds import open_feeds  # with numpy

    feeds = open_feeds(plan.inputs, specs)
    if plan.baseline is None:
        return feeds
    from trtkit.baselines.checking import same_feeds

    return same_feeds(plan, feeds)


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
