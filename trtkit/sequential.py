"""Runners in turn: each goes over all feeds alone, its outputs wait on disk, and everything is compared at the end.

In this mode a runner has the whole machine and its memory to itself; with `--use-subprocess` also a process.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit import files
from trtkit.backends.replay import Replay
from trtkit.errors import InputError
from trtkit.judging import Judge
from trtkit.kept_feeds import are_kept, feeds_writer, keep_samples, kept_feeds
from trtkit.measuring import begin, finish, host_side, iterate, named_feed, runner_report, takes_device_arrays
from trtkit.plan import RunPlan
from trtkit.prepare import feeds_for, make_replays, make_runners, open_model, run_feeds
from trtkit.report.model import Report
from trtkit.results import Feeds, Iteration, Run, sample_of
from trtkit.saving import Saver
from trtkit.tensors import TensorSpecs
from trtkit.timing import Measurement

if TYPE_CHECKING:
    from trtkit.session import Track

__all__ = ["Turn", "run_in_turn", "take_turn"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Turn:
    """What one runner did in its turn.

    Attributes:
        measurement: its times and what else was measured.
        notes: what was decided in the user's place.
        samples: names of feeds by iteration.
        inputs: what the runner takes.
        warnings: what was logged as a warning, where that was in another process.
    """

    measurement: Measurement
    notes: tuple[str, ...]
    samples: Mapping[int, str] = field(default_factory=dict)
    inputs: TensorSpecs = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def run_in_turn(plan: RunPlan, given: Feeds | None, detail: bool, track: Track) -> Report:
    """Carry out a plan with one runner after the other; see `trtkit.session.run`."""
    from trtkit.session import replayed, report

    replays = make_replays(plan, [wanted.name for wanted in plan.named_runners])
    names = [wanted.name for wanted in plan.named_runners]
    judge = Judge(plan, [*names, *(replay.name for replay in replays)], detail)
    with tempfile.TemporaryDirectory(prefix="trtkit-") as folder, Saver(plan) as saver:
        spill = Path(folder)
        turns: list[Turn] = []
        specs: TensorSpecs | None = None
        for index, wanted in enumerate(plan.named_runners):
            log.info("running %s", wanted.name)
            if plan.execution.use_subprocess:
                from trtkit.worker import take_turn_apart

                turns.append(take_turn_apart(plan, index, spill, given, specs))
            else:
                turns.append(take_turn(plan, index, spill, given, track, specs))
            specs = turns[0].inputs
            for note in turns[-1].notes:
                log.info("%s", note)
        waiting = [
            Replay(wanted.name, Run(wanted.name, files.read_outputs(spill / str(index)).runs[0].iterations))
            for index, wanted in enumerate(plan.named_runners)
        ]
        feeds = _again(plan, spill, given, turns[0].inputs) if saver.keeps_inputs else _unseen(waiting)
        stopped = False
        for index, feed in enumerate(feeds):
            results = replayed(waiting, index)
            saver.add(host_side(feed), results.values())
            results.update(replayed(replays, index))
            if not judge.add(results, turns[0].samples.get(index)) and plan.compare.fail_fast:
                stopped = True
                break
        if not stopped:
            judge.check_lengths({replay.name: replay.iterations for replay in (*waiting, *replays)})
        saver.conclude(judge.failed, judge.waived)
    made = [
        runner_report(wanted, replay.iterations, turn.measurement, plan.save.asks_for(".html"))
        for wanted, replay, turn in zip(plan.named_runners, waiting, turns, strict=True)
    ]
    warnings = tuple(line for turn in turns for line in turn.warnings)
    return replace(report(plan, judge, made, replays, turns[0].notes, saver), warnings=warnings)


def _unseen(waiting: Sequence[Replay]) -> Feeds:
    """As many feeds as there are answers, where nobody looks at them."""
    return Feeds("the feeds", [{}] * waiting[0].iterations, waiting[0].iterations, repeatable=True)


def _again(plan: RunPlan, spill: Path, given: Feeds | None, specs: TensorSpecs) -> Feeds:
    """The feeds of the first runner once more: from disk where they wait there, else from where they came."""
    if are_kept(spill):
        return kept_feeds(spill, "the feeds of the first runner")
    return feeds_for(plan, None, specs) if given is None else given


def take_turn(
    plan: RunPlan,
    index: int,
    spill: Path,
    given: Feeds | None,
    track: Track,
    specs: TensorSpecs | None = None,
    leaves_feeds: bool = False,
) -> Turn:
    """Run one runner over all feeds and leave its outputs in a folder of `spill`.

    The first one leaves the feeds too, where they can be gone through once only, or depend on more than its inputs.

    Args:
        plan: what to do.
        index: which of its runners.
        spill: where outputs and feeds wait.
        given: feeds that stand in for those of the plan.
        track: as for `trtkit.session.run`.
        specs: the inputs of the first runner; None where this is the first.
        leaves_feeds: the first runner leaves the feeds in any case, for `trtkit.files` as `spill/inputs`.

    Raises:
        InputError: there are no feeds, or one does not fit the model.
    """
    from trtkit.session import checked_feeds, gathered_notes

    measurement: Measurement | None = None
    samples: dict[int, str] = {}
    model = open_model(plan)
    with make_runners(plan, model, given)[index] as runner:
        notes: tuple[str, ...] = ()
        if specs is not None or are_kept(spill):
            feeds, keeps = _again(plan, spill, given, specs or {}), False
        else:
            feeds = given if given is not None else run_feeds(plan, model, [runner])
            notes = gathered_notes(feeds, [runner])
            keeps = leaves_feeds or not feeds.repeatable or bool(plan.inputs.shape_sweep)
        with ExitStack() as stack:
            outputs = stack.enter_context(files.open_writer(spill / str(index), "outputs"))
            left = stack.enter_context(feeds_writer(spill)) if keeps else None
            for number, feed in enumerate(track(checked_feeds(feeds, [runner], plan), feeds.length)):
                if (sample := sample_of(feed)) is not None:
                    samples[number] = sample
                host = host_side(feed) if left is not None or not takes_device_arrays(runner) else feed
                mine = feed if takes_device_arrays(runner) else host
                with named_feed(sample, number):
                    if measurement is None:
                        measurement = begin(runner, mine, plan.execution)
                    outputs.write(iterate(runner, mine, measurement))
                if left is not None:
                    left.write(Iteration(host))
            if measurement is None:
                raise InputError(f"{feeds.source} gave no feeds, so there is nothing to run")
        finish(runner, measurement)
        inputs = runner.input_specs()
    if keeps:
        keep_samples(spill, samples)
    return Turn(measurement, notes, samples, inputs)
