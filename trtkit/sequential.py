"""Runners in turn: each goes over all feeds alone, its outputs wait on disk, and everything is compared at the end.

In this mode a runner has the whole machine and its memory to itself; with `--use-subprocess` also a process.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trtkit import files
from trtkit.backends.replay import Replay
from trtkit.errors import InputError
from trtkit.judging import Judge
from trtkit.measuring import begin, finish, host_side, iterate, named_feed, runner_report, takes_device_arrays
from trtkit.plan import RunPlan
from trtkit.prepare import make_replays, make_runners, open_model, run_feeds
from trtkit.report.model import Report
from trtkit.results import Feed, Feeds, Iteration, NamedFeed, Run, sample_of
from trtkit.saving import Saver
from trtkit.timing import Measurement

if TYPE_CHECKING:
    from trtkit.session import Track

__all__ = ["Turn", "keep_samples", "run_in_turn", "take_turn"]

log = logging.getLogger(__name__)

_INPUTS = "inputs"
_SAMPLES = "samples.json"
"""Names of the feeds, by iteration."""


@dataclass(frozen=True)
class Turn:
    """What one runner did in its turn.

    Attributes:
        measurement: its times and what else was measured.
        notes: what was decided in the user's place.
        samples: names of feeds by iteration.
        warnings: what was logged as a warning, where that was in another process.
    """

    measurement: Measurement
    notes: tuple[str, ...]
    samples: Mapping[int, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class _Kept:
    """The feeds that the first runner left, with their names."""

    def __init__(self, spill: Path) -> None:
        self._iterations = files.read_inputs(spill / _INPUTS).runs[0].iterations
        self._samples: dict[str, str] = json.loads((spill / _SAMPLES).read_text(encoding="utf-8"))

    def __iter__(self) -> Iterator[Feed]:
        for index, iteration in enumerate(self._iterations):
            sample = self._samples.get(str(index))
            yield iteration if sample is None else NamedFeed(iteration, sample)

    def __len__(self) -> int:
        return len(self._iterations)


def keep_samples(spill: Path, samples: Mapping[int, str]) -> None:
    """Leave the names of the feeds beside them."""
    (spill / _SAMPLES).write_text(json.dumps(samples), encoding="utf-8")


def run_in_turn(plan: RunPlan, given: Feeds | None, detail: bool, track: Track) -> Report:
    """Carry out a plan with one runner after the other; see `trtkit.session.run`."""
    from trtkit.session import replayed, report

    replays = make_replays(plan, [wanted.name for wanted in plan.named_runners])
    names = [wanted.name for wanted in plan.named_runners]
    judge = Judge(plan, [*names, *(replay.name for replay in replays)], detail)
    with tempfile.TemporaryDirectory(prefix="trtkit-") as folder, Saver(plan) as saver:
        spill = Path(folder)
        turns = []
        for index, wanted in enumerate(plan.named_runners):
            log.info("running %s", wanted.name)
            if plan.execution.use_subprocess:
                from trtkit.worker import take_turn_apart

                turns.append(take_turn_apart(plan, index, spill, given))
            else:
                turns.append(take_turn(plan, index, spill, given, track))
            for note in turns[-1].notes:
                log.info("%s", note)
        feeds = files.read_inputs(spill / _INPUTS).runs[0].iterations
        waiting = [
            Replay(wanted.name, Run(wanted.name, files.read_outputs(spill / str(index)).runs[0].iterations))
            for index, wanted in enumerate(plan.named_runners)
        ]
        stopped = False
        for index, feed in enumerate(feeds):
            results = replayed(waiting, index)
            saver.add(feed, results.values())
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


def take_turn(plan: RunPlan, index: int, spill: Path, given: Feeds | None, track: Track) -> Turn:
    """Run one runner over all feeds and leave its outputs in a folder of `spill`; the first one leaves the feeds too.

    Raises:
        InputError: there are no feeds, or one does not fit the model.
    """
    from trtkit.session import checked_feeds, gathered_notes

    measurement: Measurement | None = None
    samples: dict[int, str] = {}
    model = open_model(plan)
    with make_runners(plan, model, given)[index] as runner:
        notes: tuple[str, ...] = ()
        first = not (spill / _INPUTS).exists()
        if not first:
            kept = _Kept(spill)
            feeds = Feeds("the feeds of the first runner", kept, len(kept), repeatable=True)
        else:
            feeds = given if given is not None else run_feeds(plan, model, [runner])
            notes = gathered_notes(feeds, [runner])
        with ExitStack() as stack:
            outputs = stack.enter_context(files.open_writer(spill / str(index), "outputs"))
            kept_feeds = stack.enter_context(files.open_writer(spill / _INPUTS, "inputs")) if first else None
            for number, feed in enumerate(track(checked_feeds(feeds, [runner], plan), feeds.length)):
                if (sample := sample_of(feed)) is not None:
                    samples[number] = sample
                host = host_side(feed) if kept_feeds is not None or not takes_device_arrays(runner) else feed
                mine = feed if takes_device_arrays(runner) else host
                with named_feed(sample, number):
                    if measurement is None:
                        measurement = begin(runner, mine, plan.execution)
                    outputs.write(iterate(runner, mine, measurement))
                if kept_feeds is not None:
                    kept_feeds.write(Iteration(host))
            if measurement is None:
                raise InputError(f"{feeds.source} gave no feeds, so there is nothing to run")
        finish(runner, measurement)
    if first:
        keep_samples(spill, samples)
    return Turn(measurement, notes, samples)
