"""Carrying out a plan: every runner on one feed after the other, judged as it goes, in the memory of one iteration."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import ExitStack
from typing import Any

from trtkit.backends.base import OnnxModel, Runner
from trtkit.backends.replay import Replay
from trtkit.comparator.feeds import as_feed
from trtkit.comparator.inputs import check_feed
from trtkit.errors import InputError, UsageError
from trtkit.judging import Judge
from trtkit.measuring import begin, finish, host_side, iterate, named_feed, runner_report, takes_device_arrays
from trtkit.models import ModelFile
from trtkit.plan import RunPlan
from trtkit.prepare import make_replays, make_runners, open_model, run_feeds
from trtkit.report.model import Report, RunnerReport
from trtkit.reporting import reported
from trtkit.results import Feed, Feeds, Iteration, sample_of
from trtkit.saving import Saver
from trtkit.timing import Measurement

__all__ = ["Track", "checked_feeds", "gathered_notes", "given_feeds", "replayed", "report", "run"]

log = logging.getLogger(__name__)


Track = Callable[[Iterable[Feed], "int | None"], Iterable[Feed]]
"""Gives back the feeds one by one, and may show how far they are; the number is how many there will be, if known."""


def run(
    plan: RunPlan,
    feeds: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
    detail: bool = False,
    track: Track | None = None,
    tell: Callable[[Report], None] | None = None,
    change_last: Callable[[Runner], Runner] | None = None,
) -> Report:
    """Carry out a plan.

    Args:
        plan: what to do.
        feeds: the inputs instead of those that `plan.inputs` describes: mappings from input name to array, or a
            single one.
        detail: keep statistics and error histograms of outputs that fail, which costs a further pass over them.
        track: wraps the feeds where they are run, for a progress bar.
        tell: gets the report complete as a file has it, also that of a run that fails.
        change_last: puts another runner in the place of the last one, where runners do not run in turn.

    Returns:
        The report; `report.exit_code` is 0 or 1. Nothing is printed.

    Raises:
        UsageError: the plan makes no sense for this model.
        WorkError: a file, model, input, script or backend failed; see `trtkit.errors`.
        MissingError: a package or device is missing.
    """
    given = None if feeds is None else given_feeds(feeds)
    if given is not None and plan.inputs.shape_sweep:
        raise UsageError("--shape-sweep shapes random data, but the feeds are given; leave one out")

    return reported(plan, lambda: _carried_out(plan, given, detail, track or _untracked, change_last), tell)


def _carried_out(
    plan: RunPlan,
    given: Feeds | None,
    detail: bool,
    track: Track,
    change_last: Callable[[Runner], Runner] | None,
) -> Report:
    if plan.baseline is not None:
        from trtkit.baselines.checking import checked_baseline, same_feeds

        plan = checked_baseline(plan)
        given = None if given is None else same_feeds(plan, given)
        for note in plan.vouched_for:
            log.info("%s", note)
    if plan.execution.max_memory is not None:
        from trtkit.in_parts import run_in_parts  # with onnx and tempfile

        return run_in_parts(plan, given, detail, track)
    if plan.execution.sequential_runners and plan.named_runners:
        from trtkit.sequential import run_in_turn  # with tempfile and subprocess, which the default way does not need

        return run_in_turn(plan, given, detail, track)
    return _run_together(plan, given, detail, track, change_last)


def _run_together(
    plan: RunPlan,
    given: Feeds | None,
    detail: bool,
    track: Track,
    change_last: Callable[[Runner], Runner] | None,
) -> Report:
    model = open_model(plan)
    with ExitStack() as stack:
        runners = make_runners(plan, model, given)
        if change_last is not None and runners:
            runners[-1] = change_last(runners[-1])
        replays = make_replays(plan, [runner.name for runner in runners])
        judge = Judge(plan, [*(runner.name for runner in runners), *(replay.name for replay in replays)], detail)
        for runner in runners:
            log.debug("loading %s", runner.name)
            stack.enter_context(runner)
        feeds = _feeds_for(plan, model, runners, replays, given)
        saver = stack.enter_context(Saver(plan))
        measurements: list[Measurement] = []
        stopped = False
        copied = saver.keeps_inputs or not all(map(takes_device_arrays, runners))
        for index, feed in enumerate(track(checked_feeds(feeds, runners, plan), feeds.length)):
            host = host_side(feed) if copied else feed
            placed = [feed if takes_device_arrays(runner) else host for runner in runners]
            with named_feed(sample_of(feed), index):
                if index == 0:
                    measurements = [begin(*each, plan.execution) for each in zip(runners, placed, strict=True)]
                together = zip(runners, placed, measurements, strict=True)
                results = {runner.name: iterate(runner, mine, measurement) for runner, mine, measurement in together}
            saver.add(host, results.values())
            results.update(replayed(replays, index))
            if not judge.add(results, sample_of(feed)) and plan.compare.fail_fast:
                stopped = True
                break
        if judge.iterations == 0:
            raise InputError(f"{feeds.source} gave no feeds, so there is nothing to run")
        for runner, measurement in zip(runners, measurements, strict=True):
            finish(runner, measurement)
        if not stopped:
            judge.check_lengths({replay.name: replay.iterations for replay in replays})
        saver.conclude(judge.failed, judge.waived)
    made = [
        runner_report(wanted, judge.iterations, measurement, plan.save.asks_for(".html"))
        for wanted, measurement in zip(plan.named_runners, measurements, strict=True)
    ]
    return report(plan, judge, made, replays, feeds.notes, saver)


def report(
    plan: RunPlan,
    judge: Judge,
    made: Sequence[RunnerReport],
    replays: Sequence[Replay],
    notes: Sequence[str],
    saver: Saver,
) -> Report:
    """What a finished run came to."""
    saved = dict(saver.saved)
    if plan.onnx.save_onnx:
        saved["save_onnx"] = str(plan.onnx.save_onnx)
    return Report(
        model=None if plan.model_file is None else str(plan.model_file.path),
        iterations=judge.iterations,
        runners=(*made, *(RunnerReport(replay.name, "replay", replay.iterations) for replay in replays)),
        pairs=judge.outcomes(),
        problems=judge.problem_lines(),
        notes=(*plan.vouched_for, *notes, *saver.notes),
        saved=saved,
        judged=judge.judges,
        unneeded_waivers=judge.unneeded_waivers(),
    )


def replayed(replays: Sequence[Replay], index: int) -> dict[str, Iteration]:
    """Iteration `index` of every replay that has one, under the replay's name."""
    answers = ((replay.name, replay.infer({})) for replay in replays if index < replay.iterations)
    return {name: Iteration(answer.arrays, name, answer.runtime) for name, answer in answers}


def checked_feeds(feeds: Feeds, runners: Sequence[Runner], plan: RunPlan) -> Iterator[Feed]:
    """The feeds, each checked against every runner's inputs before anything runs on it."""
    specs = [runner.input_specs() for runner in runners]
    for index, feed in enumerate(feeds):
        for expected in specs:
            check_feed(index, feed, expected, plan.inputs.input_shapes)
        yield feed


def gathered_notes(feeds: Feeds, runners: Sequence[Runner]) -> tuple[str, ...]:
    """What was decided in the user's place, by whoever made the feeds and by the runners; each line once."""
    lines = [*feeds.notes, *(note for runner in runners for note in getattr(runner, "notes", ()))]
    return tuple(dict.fromkeys(lines))


def _feeds_for(
    plan: RunPlan,
    model: OnnxModel | ModelFile | None,
    runners: Sequence[Runner],
    replays: Sequence[Replay],
    given: Feeds | None,
) -> Feeds:
    if given is not None:
        return given
    if runners:
        feeds = run_feeds(plan, model, runners)
        feeds.notes = gathered_notes(feeds, runners)
        for note in feeds.notes:
            log.info("%s", note)
        return feeds
    longest = max(replay.iterations for replay in replays)
    return Feeds("the saved outputs", [{} for _ in range(longest)], longest, repeatable=True)


def _untracked(feeds: Iterable[Feed], length: int | None) -> Iterable[Feed]:
    return feeds


def given_feeds(feeds: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Feeds:
    """Feeds of a caller of the Python API: mappings from input name to array, or a single one."""
    feeds = [feeds] if isinstance(feeds, Mapping) else feeds

    class Given:
        def __iter__(self) -> Iterator[Feed]:
            for index, feed in enumerate(feeds):
                yield as_feed(feed, f"feed {index}")

    length = len(feeds) if isinstance(feeds, Sized) else None
    return Feeds("the given feeds", Given(), length, repeatable=not isinstance(feeds, Iterator))
