"""A model run in parts (`--max-memory`), so that all of its tensors are compared in the memory of a few.

The parts run one after the other, each under every runner on every feed. What a part gives to later ones goes there
runner by runner: each runner computes on from its own values. It waits in memory where there is one feed, else on disk.
"""

from __future__ import annotations

import logging
import tempfile
from array import array
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.backends.base import Runner
from trtkit.backends.onnx.parts import Part, Split
from trtkit.backends.registry import find_backend
from trtkit.backends.replay import Replay
from trtkit.comparator.inputs import check_feed
from trtkit.errors import InputError, UsageError
from trtkit.judging import Judge
from trtkit.kept_feeds import keep_feeds, kept_feeds
from trtkit.measuring import begin, host_side, iterate, named_feed, runner_report
from trtkit.models import ModelFile
from trtkit.passed_on import Leave, PassedOn
from trtkit.plan import RunnerPlan, RunPlan
from trtkit.prepare import backend_options, feeds_for, input_specs, make_replays, make_runners, open_model
from trtkit.report.model import Report
from trtkit.report.text import count
from trtkit.report.wording import size_text
from trtkit.results import Feed, Feeds, Iteration, sample_of
from trtkit.saving import Saver
from trtkit.timing import Measurement

if TYPE_CHECKING:
    from trtkit.backends.onnx.model import LoadedModel
    from trtkit.session import Track

__all__ = ["run_in_parts"]

log = logging.getLogger(__name__)


def run_in_parts(plan: RunPlan, given: Feeds | None, detail: bool, track: Track) -> Report:
    """Carry out a plan with a model in parts; see `trtkit.session.run`."""
    from trtkit.session import report

    names = [wanted.name for wanted in plan.named_runners]
    replays = make_replays(plan, names)
    judge = Judge(plan, [*names, *(replay.name for replay in replays)], detail)
    with tempfile.TemporaryDirectory(prefix="trtkit-") as folder, Saver(plan) as saver:
        run = _Run(plan, given, judge, replays, saver, Path(folder))
        stopped = not run.judged(track)
        if not stopped:
            judge.check_lengths({replay.name: replay.iterations for replay in replays})
        run.save()
        saver.conclude(judge.failed, judge.waived)
    made = [
        runner_report(wanted, judge.iterations, _measured(seconds))
        for wanted, seconds in zip(plan.named_runners, run.seconds, strict=True)
    ]
    return report(plan, judge, made, replays, run.notes, saver)


class _Run:
    """One run: the parts, and what is kept between them.

    Attributes:
        seconds: of every runner the time of each iteration, all parts together.
        notes: what was decided in the user's place.
    """

    def __init__(
        self, plan: RunPlan, given: Feeds | None, judge: Judge, replays: Sequence[Replay], saver: Saver, folder: Path
    ) -> None:
        self._plan = plan
        self._judge = judge
        self._replays = replays
        self._saver = saver
        self._model = _opened(plan)
        self._specs = input_specs(self._model)
        self._feeds = self._repeatable(given or feeds_for(plan, self._model, self._specs), folder)
        self._split = self._planned()
        single = self._feeds.length == 1 and not saver.keeps_outputs
        self._passed = PassedOn(len(plan.named_runners), None if single else folder)
        self._of_replays = [self._shares(replay) for replay in replays]
        self.seconds = [array("d") for _ in plan.named_runners]
        self.notes = (*self._feeds.notes, *self._part_notes())
        for note in self.notes:
            log.info("%s", note)

    def judged(self, track: Track) -> bool:
        """Run and compare everything; false where that ended at the first failure."""
        outputs: dict[str, Sequence[str]] = dict.fromkeys(
            (wanted.name for wanted in self._plan.named_runners), self._split.outputs
        )
        outputs |= {replay.name: replay.names(0) for replay in self._replays if replay.iterations}
        self._judge.begin_parts(outputs)
        for number, part in enumerate(self._split.parts):
            log.info("part %d of %d: %s", number + 1, len(self._split.parts), count(len(part.nodes), "node"))
            if not self._part(number, part, track):
                return False
        return True

    def save(self) -> None:
        """Write what the plan wants saved, iteration by iteration; the outputs were left on disk by all parts."""
        if not self._saver.keeps_inputs and not self._saver.keeps_outputs:
            return
        for index, feed in enumerate(self._feeds):
            if index == self._judge.iterations:
                break
            answers = []
            for place, wanted in enumerate(self._plan.named_runners if self._saver.keeps_outputs else ()):
                arrays = self._passed.get(place, index, self._split.outputs)
                answers.append(Iteration(arrays, wanted.name, self.seconds[place][index]))
            self._saver.add(host_side(feed), answers)

    def _part(self, number: int, part: Part, track: Track) -> bool:
        kept = (*part.gives, *(part.marked if self._saver.keeps_outputs else ()))
        with ExitStack() as stack:
            runners = make_runners(self._plan, self._split.model(part), one_part=True)
            for runner in runners:
                stack.enter_context(runner)
            writers = [stack.enter_context(self._passed.writer(number, at, kept)) for at in range(len(runners))]
            for index, feed in enumerate(track(self._feeds, self._feeds.length)):
                if number == 0:
                    check_feed(index, host_side(feed), self._specs, self._plan.inputs.input_shapes)
                    for seconds in self.seconds:
                        seconds.append(0.0)
                results = self._results(index, feed, part, runners, writers, kept)
                for replay, shares in zip(self._replays, self._of_replays, strict=True):
                    if index < replay.iterations:
                        results[replay.name] = replay.some(index, shares[number])
                passed = not part.marked or self._judge.add_part(index, results, sample_of(feed))
                results.clear()  # before there are those of the next feed
                if not passed and self._plan.compare.fail_fast:
                    return False
            if not self.seconds[0]:
                raise InputError(f"{self._feeds.source} gave no feeds, so there is nothing to run")
        self._passed.forget({name for later in self._split.parts[number + 1 :] for name in later.takes})
        _give_back()
        return True

    def _results(
        self,
        index: int,
        feed: Feed,
        part: Part,
        runners: Sequence[Runner],
        writers: Sequence[Leave],
        kept: Sequence[str],
    ) -> dict[str, Iteration]:
        """What every runner makes of the outputs of the whole; what is read later is left for that."""
        results: dict[str, Iteration] = {}
        host = host_side(feed)
        with named_feed(sample_of(feed), index):
            for place, runner in enumerate(runners):
                answer = self._answer(place, index, runner, part, host)
                writers[place](index, {name: answer[name] for name in kept})
                marked = {name: answer[name] for name in part.marked}
                results[runner.name] = Iteration(marked, runner.name, answer.runtime)
        return results

    def _answer(self, place: int, index: int, runner: Runner, part: Part, feed: Feed) -> Iteration:
        """What a runner says to a feed, continued from its own values of earlier parts."""
        inputs = {name: feed[name] for name in runner.input_specs() if name in feed}
        inputs |= self._passed.get(place, index, part.takes)
        if index == 0:
            begin(runner, inputs, self._plan.execution)
        answer = iterate(runner, inputs, Measurement())
        self.seconds[place][index] += answer.runtime or 0.0
        return answer

    def _repeatable(self, feeds: Feeds, folder: Path) -> Feeds:
        """The feeds; on disk where they can be gone through once only, since every part needs them."""
        if feeds.repeatable:
            return feeds
        keep_feeds(feeds, folder)
        kept = kept_feeds(folder, feeds.source)
        kept.notes, kept.shape_ranges = feeds.notes, feeds.shape_ranges
        return kept

    def _planned(self) -> Split:
        shapes = {name: largest for name, (_, _, largest) in self._feeds.shape_ranges.items()}
        if not shapes:
            first = next(iter(self._feeds), {})
            shapes = {name: tuple(each.shape) for name, each in first.items()}
        limit = self._plan.execution.max_memory
        assert limit is not None  # or nobody would run parts
        return Split(self._model, shapes, limit, len(self._plan.named_runners) + len(self._replays))

    def _shares(self, replay: Replay) -> list[frozenset[str]]:
        """Which saved outputs are compared with each part: what no part makes comes with the last one."""
        parts = [frozenset(part.marked) for part in self._split.parts]
        others = {name for index in range(replay.iterations) for name in replay.names(index)} - set(self._split.outputs)
        last = max((at for at, part in enumerate(parts) if part), default=0)
        parts[last] |= others
        return parts

    def _part_notes(self) -> list[str]:
        split, limit = self._split, self._plan.execution.max_memory or 0
        largest = max(split.parts, key=lambda part: part.size)
        lines = [
            f"the model runs in {count(len(split.parts), 'part')} of at most {size_text(largest.size)} of tensors "
            "(--max-memory); latency is the sum over them, with what goes from one to the next"
        ]
        if largest.size > limit:
            lines.append(
                f"--max-memory {size_text(limit)} is less than the largest part needs, that of {largest.marked[0]!r}"
                if largest.marked
                else f"--max-memory {size_text(limit)} is less than the largest part needs"
            )
        if len(split.parts) > 1 and any(map(_moves_layouts, self._plan.named_runners)):
            lines.append(
                "onnxrt chooses memory layouts for the nodes of a part together, so the last digits of convolutions "
                "can be others than in the whole model; --graph-optimization-level extended leaves that out"
            )
        if split.guessed:
            what = count(len(split.guessed), "tensor")
            lines.append(f"the size of {what} is not known before the run, such as {split.guessed[0]!r}: it is guessed")
        if split.unmarked:
            what = count(len(split.unmarked), "tensor")
            lines.append(
                f"the parts are cut at {what} that no option makes an output, such as {split.unmarked[0]!r}: "
                "there, backends cannot fuse nodes as in the whole model"
            )
        return lines


def _moves_layouts(wanted: RunnerPlan) -> bool:
    """Whether ONNX Runtime lets convolutions and their neighbours compute in a layout of its own."""
    options = backend_options(find_backend(wanted.backend), wanted)
    return getattr(options, "graph_optimization_level", "") in ("all", "layout")


def _give_back() -> None:
    """Return free memory to the system; glibc keeps pieces of up to 64 MB, which are many parts' worth of tensors."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _opened(plan: RunPlan) -> LoadedModel:
    model: Any = open_model(plan)
    if model is None or isinstance(model, ModelFile):
        raise UsageError(f"--max-memory runs ONNX models in parts, and {plan.model_file} is none; leave it out")
    loaded: LoadedModel = model
    return loaded


def _measured(seconds: array[float]) -> Measurement:
    measurement = Measurement()
    for each in seconds:
        measurement.timings.add(each)
    return measurement
