"""The results of one iteration after the other: changed by the user, validated, compared in pairs, and counted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from trtkit.comparator.metrics import METRICS
from trtkit.comparator.options import CompareOptions, named_outputs
from trtkit.comparator.pairing import pair_runs, unused_mappings
from trtkit.comparator.postprocess import postprocess
from trtkit.comparator.problems import Problems
from trtkit.comparator.tolerance_file import with_tolerances
from trtkit.errors import InputError, ScriptError
from trtkit.plan import RunPlan
from trtkit.report.text import count
from trtkit.results import Iteration
from trtkit.suggest import did_you_mean, listing

if TYPE_CHECKING:
    from trtkit.comparator.compare import PairComparator
    from trtkit.comparator.outcome import PairOutcome
    from trtkit.userscript import UserScript
    from trtkit.waivers import UnneededWaiver, Waiver, Waivers

__all__ = ["Judge"]

log = logging.getLogger(__name__)


class Judge:
    """Compares and validates what the runners answer, iteration by iteration, in memory that does not grow.

    Args:
        plan: what to compare and how.
        names: all results in order; the last is the expected one.
        detail: keep statistics and error histograms of outputs that fail.

    Raises:
        ScriptError: a postprocessing or comparing script cannot be loaded.
        FileError: a file of waivers or of tolerances cannot be read.
    """

    def __init__(self, plan: RunPlan, names: Sequence[str], detail: bool = False) -> None:
        self._options = with_tolerances(plan.compare)
        self._named = _named_outputs(plan.compare, self._options)
        self._change = _script(plan.execution.postprocess_func_script, "postprocess_outputs")
        self._compare = _script(plan.execution.compare_func_script, "compare_outputs")
        self._waivers = _waivers(plan)
        self._pairs = self._comparators(plan, names, detail) if len(names) > 1 else {}
        if self._pairs and log.isEnabledFor(logging.DEBUG):
            from trtkit.native.library import computed_by  # with ctypes

            log.debug("comparing with %s", computed_by())
        self._stopped = False
        self._order: dict[str, int] = {}
        self._outcomes: tuple[PairOutcome, ...] | None = None
        self.problems = Problems()
        self.iterations = 0

    def _comparators(self, plan: RunPlan, names: Sequence[str], detail: bool) -> dict[tuple[str, str], PairComparator]:
        from trtkit.comparator.compare import PairComparator  # not needed by a single result
        from trtkit.comparator.records import RecordFile

        function = self._compare.call if self._compare else None
        recorded = RecordFile() if plan.save.records_iterations else None
        more = (function, detail, self._waivers, recorded, plan.save.asks_for(".json"), plan.save.asks_for(".html"))
        return {
            (pair.actual, pair.expected): PairComparator(pair.actual, pair.expected, self._options, *more)
            for pair in pair_runs(names)
        }

    @property
    def judges(self) -> bool:
        """Whether there is anything to compare or validate."""
        return bool(self._pairs) or self._options.validate

    def add(self, results: Mapping[str, Iteration], sample: str | None = None) -> bool:
        """Judge one iteration.

        Args:
            results: by name; one without this iteration is absent.
            sample: the name of the feed, where it has one.

        Returns:
            False where something in this iteration failed.
        """
        index = self.iterations
        if index == 0 and self.judges:
            self._check_names(results)
        return self._add(index, results, sample)

    def begin_parts(self, names: Mapping[str, Iterable[str]]) -> None:
        """Say which outputs each result will have, in their order, where they come with `add_part`.

        Raises:
            InputError: an option is for an output that is not among them.
        """
        self._check_names(names)
        every = dict.fromkeys(name for each in names.values() for name in each)
        self._order = {name: place for place, name in enumerate(every)}
        for entry in self._options.postprocess:
            if entry.name and entry.name not in self._order:
                hint = did_you_mean(entry.name, self._order)
                raise InputError(f"--postprocess {entry}: no result has an output {entry.name!r}{hint}")

    def add_part(self, index: int, results: Mapping[str, Iteration], sample: str | None = None) -> bool:
        """As `add`, for some of the outputs of iteration `index`."""
        return self._add(index, results, sample, part=True)

    def _add(self, index: int, results: Mapping[str, Iteration], sample: str | None, part: bool = False) -> bool:
        self.iterations, passed = max(self.iterations, index + 1), True
        self._outcomes = None
        if not self.judges:
            return True
        changed = {name: self._postprocessed(iteration, part) for name, iteration in results.items()}
        if self._options.validate:
            from trtkit.comparator.compare import validate_arrays

            for name, iteration in changed.items():
                for line in validate_arrays(name, iteration):
                    self.problems.add(line if sample is None else f"{line} ({sample})")
                    passed = False
        for (actual, expected), comparator in self._pairs.items():
            if actual in changed and expected in changed:
                with self._naming_script():
                    outcome = comparator.compare(index, changed[actual], changed[expected], sample, part)
                passed = passed and outcome.passed
        self._stopped = self._stopped or (self._options.fail_fast and not passed)
        return passed

    def check_lengths(self, lengths: Mapping[str, int]) -> None:
        """Make a problem of every result that has fewer or more iterations than were run."""
        for name, length in lengths.items():
            if length != self.iterations:
                self.problems.add(f"{name} has {count(length, 'iteration')}, but {self.iterations} to compare it with")

    @property
    def failed(self) -> bool:
        """Whether anything failed so far."""
        return bool(self.problem_lines()) or not all(outcome.passed for outcome in self.outcomes())

    def outcomes(self) -> tuple[PairOutcome, ...]:
        """What every comparison came to so far; worked out once after each iteration that is judged."""
        if self._outcomes is None:
            self._outcomes = tuple(self._in_order(comparator.outcome()) for comparator in self._pairs.values())
        return self._outcomes

    def _in_order(self, pair: PairOutcome) -> PairOutcome:
        """The outcome with the outputs in the order of the model, where they came in parts."""
        if not self._order:
            return pair
        last = len(self._order)
        return replace(pair, outputs=tuple(sorted(pair.outputs, key=lambda each: self._order.get(each.name, last))))

    @property
    def waived(self) -> frozenset[str]:
        """The results that failed as a waiver expects."""
        return frozenset(
            pair.actual
            for pair in self.outcomes()
            if any(metric.waived is not None for output in pair.outputs for metric in output.metrics)
        )

    def problem_lines(self) -> tuple[str, ...]:
        """What makes the run fail beside the comparisons."""
        return (*self.problems.lines(), *unused_mappings(self._options.map_outputs, self.outcomes()))

    def unneeded_waivers(self) -> tuple[UnneededWaiver, ...]:
        """The waivers for this model and these runners that no failure needs; none where not all was compared."""
        outcomes = self.outcomes()
        if self._waivers is None or self._stopped or self.problem_lines() or any(pair.problems for pair in outcomes):
            return ()
        metrics = [*self._options.compare, *(["custom"] if self._compare else [])]
        return tuple(unneeded(self._waivers.here, outcomes, metrics))

    def _check_names(self, results: Mapping[str, Iterable[str]]) -> None:
        """Raise InputError where a threshold is for an output that no result has."""
        known = dict.fromkeys(name for iteration in results.values() for name in iteration)
        for name, flag in self._named.items():
            if name not in known:
                raise InputError(
                    f"{flag} names the output {name!r}, which no result has{did_you_mean(name, known)} "
                    f"(outputs: {listing(known)})"
                )

    @contextmanager
    def _naming_script(self) -> Iterator[None]:
        """Say in which script the function is whose answer makes no sense."""
        try:
            yield
        except ScriptError as error:
            if self._compare is None or str(self._compare.path) in str(error):
                raise
            raise ScriptError(f"{self._compare.path}: {error}") from error

    def _postprocessed(self, iteration: Iteration, part: bool) -> Iteration:
        options = self._options
        if part and options.postprocess:
            here = [entry for entry in options.postprocess if not entry.name or entry.name in iteration]
            options = replace(options, postprocess=here)
        changed = postprocess(iteration, options)
        if self._change is None:
            return changed
        answer = self._change.call(changed)
        if not isinstance(answer, Mapping):
            raise ScriptError(
                f"{self._change.path}: {self._change.name} gave a {type(answer).__name__}; "
                "it should return the outputs, a mapping from name to array"
            )
        if isinstance(answer, Iteration):
            return answer
        return Iteration(dict(answer), iteration.runner_name, iteration.runtime)


def unneeded(
    waivers: Iterable[Waiver], outcomes: Sequence[PairOutcome], metrics: Sequence[str]
) -> Iterator[UnneededWaiver]:
    """The waivers that no failure needs.

    Args:
        waivers: those for the model that was run.
        outcomes: every comparison, complete. A waiver for another runner or metric is not looked at.
        metrics: those that were asked for, so that a waiver for one that was not is left alone.
    """
    from trtkit.waivers import UnneededWaiver

    for waiver in waivers:
        compared = [
            (output, metric, waiver.covers(pair.actual, output.name, metric.metric))
            for pair in outcomes
            for output in pair.outputs
            for metric in output.metrics
        ]
        if any(covered and not metric.passed for _, metric, covered in compared):
            continue
        names = list(dict.fromkeys(output.name for output, _, covered in compared if covered))
        if names:
            yield UnneededWaiver(waiver, f"{'outputs' if len(names) > 1 else 'output'} {listing(names)} passed")
        elif any(
            replace(waiver, output="*").covers(pair.actual, "", metric) for pair in outcomes for metric in metrics
        ):
            every = dict.fromkeys(output.name for output, _, _ in compared)
            yield UnneededWaiver(waiver, f"there is no output {waiver.output!r}{did_you_mean(waiver.output, every)}")


def _waivers(plan: RunPlan) -> Waivers | None:
    if not plan.waivers:
        return None
    from trtkit.waivers import Waivers, read_waivers

    metrics = (*METRICS, "custom")
    every = [waiver for path in plan.waivers for waiver in read_waivers(path, metrics)]
    return Waivers(every, None if plan.model_file is None else plan.model_file.path.name)


def _named_outputs(given: CompareOptions, complete: CompareOptions) -> dict[str, str]:
    """The outputs that have values of their own, each with who says so: a flag, or the file of tolerances."""
    said = dict.fromkeys(named_outputs(complete), f"--tolerances {given.tolerances}")
    return said | named_outputs(given)


def _script(text: str | None, default: str) -> UserScript | None:
    if text is None:
        return None
    from trtkit.userscript import load_script

    return load_script(text, default)
