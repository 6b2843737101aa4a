"""Comparing two runs, iteration by iteration, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trtkit.comparator.custom import ALL_OUTPUTS, CompareFunction, custom_results
from trtkit.comparator.evidence import Evidence
from trtkit.comparator.metrics import Metric, load_metric
from trtkit.comparator.options import CompareOptions
from trtkit.comparator.outcome import (
    IterationOutcome,
    MetricOutcome,
    MetricResult,
    OutputOutcome,
    OutputResult,
    PairOutcome,
)
from trtkit.comparator.pairing import OutputPairs, pair_outputs
from trtkit.comparator.problems import Problems
from trtkit.comparator.tally import OutputTally
from trtkit.comparator.tolerance_file import with_tolerances
from trtkit.errors import InputError, UsageError
from trtkit.suggest import did_you_mean, listing
from trtkit.tensors import shape_text

if TYPE_CHECKING:
    from trtkit.comparator.arraypair import ArrayPair
    from trtkit.comparator.records import RecordFile
    from trtkit.results import Array, Iteration
    from trtkit.waivers import Waivers

__all__ = ["PairComparator", "validate_arrays"]


class PairComparator:
    """Compares two runs, one iteration at a time.

    Args:
        actual: name of the run to judge.
        expected: name of the run that it is judged by.
        options: what to compare and how.
        function: a user's own comparison, in addition to the metrics.
        detail: keep statistics of the first iteration in which an output fails; a further pass over its arrays.
        waivers: failures that are expected.
        recorded: where the result of every metric in every iteration is recorded; by default nowhere.
        evidence: keep what other thresholds can be judged by, for `trtkit check accuracy`.
        pictures: keep what a page draws of each output's errors; a further pass over the arrays of an iteration that is
            worse than those before.

    Raises:
        UsageError: there is neither a metric nor a function.
        FileError: the file of tolerances cannot be read.
    """

    def __init__(
        self,
        actual: str,
        expected: str,
        options: CompareOptions,
        function: CompareFunction | None = None,
        detail: bool = False,
        waivers: Waivers | None = None,
        recorded: RecordFile | None = None,
        evidence: bool = False,
        pictures: bool = False,
    ) -> None:
        if not options.compare and function is None:
            raise UsageError("nothing says how to compare; give --compare with at least one metric")
        self._actual = actual
        self._expected = expected
        self._options = options = with_tolerances(options)
        self._function = function
        self._detail = detail
        self._waivers = waivers
        self._recorded = recorded
        self._pictures = pictures
        self._sample: str | None = None
        self._metrics: list[tuple[str, Metric]] = [(name, load_metric(name)) for name in options.compare]
        self._tallies: dict[str, OutputTally] = {}
        self._evidence: dict[str, Evidence] | None = {} if evidence else None
        self._problems = Problems()
        self._iterations = 0
        self._names: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        self._pairs = OutputPairs((), (), (), (), ())
        self._pair_problems: tuple[str, ...] = ()
        self._mapped: dict[str, None] = {}
        self._all_empty: bool | None = None

    def compare(
        self,
        index: int,
        actual: Iteration | None,
        expected: Iteration | None,
        sample: str | None = None,
        part: bool = False,
    ) -> IterationOutcome:
        """Compare one iteration; None stands for an iteration that a run does not have, and for a feed without a name.

        With `fail_fast` nothing is looked at after the first output that differs. With `part` these are some of the
        iteration's outputs, and the others come with the same index at other times.

        Raises:
            InputError: an output is not an array.
            ScriptError: the user's function returned something that is no verdict.
        """
        self._iterations = max(self._iterations, index + 1) if part else self._iterations + 1
        self._sample = sample
        outputs: list[OutputResult] = []
        problems: list[str] = []
        if actual is None or expected is None:
            lacking, other = (self._actual, self._expected) if actual is None else (self._expected, self._actual)
            problems.append(f"{lacking!r} lacks an iteration that {other!r} has")
        else:
            self._pair(actual, expected)
            problems.extend(self._pair_problems)
            custom = self._custom(actual, expected)
            for name, expected_name in self._pairs.matched:
                if self._options.fail_fast and not all(map(self._accepts, outputs)):
                    break
                pair = self._array_pair(name, expected_name, actual[name], expected[expected_name], problems)
                if pair is not None:
                    self._all_empty = self._all_empty is not False and not pair.size
                results = [] if pair is None else self._judge(pair, problems)
                results += [custom[name]] if name in custom else []
                if results:
                    outputs.append(self._count(index, name, expected_name, results, pair))
            if ALL_OUTPUTS in custom:
                outputs.append(self._count(index, ALL_OUTPUTS, ALL_OUTPUTS, [custom[ALL_OUTPUTS]]))
            if not part and (not outputs or not self._pairs.matched):
                problems.append(f"no output of {self._actual!r} could be compared with {self._expected!r}")
        everywhere = self._pair_problems if self._pairs.matched else problems
        for problem in problems:
            named = sample is not None and problem not in everywhere
            self._problems.add(f"{problem} ({sample})" if named else problem)
        passed = not problems and (self._options.check_average or all(map(self._accepts, outputs)))
        return IterationOutcome(index, tuple(outputs), tuple(problems), passed)

    def outcome(self) -> PairOutcome:
        """The verdict on all iterations so far."""
        problems = self._problems.lines()
        if not self._iterations:
            problems = (f"no iteration of {self._actual!r} was compared with {self._expected!r}",)
        if self._all_empty:
            problems += ("all outputs are empty; nothing was compared",)
        return PairOutcome(
            self._actual,
            self._expected,
            self._iterations,
            tuple(
                self._waive(tally.outcome(self._options.check_average, self._evidence_of(name)))
                for name, tally in self._tallies.items()
            ),
            problems,
            tuple(self._mapped),
        )

    def _evidence_of(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        evidence = (self._evidence or {}).get(name)
        return {} if evidence is None else evidence.to_data()

    def _accepts(self, output: OutputResult) -> bool:
        """Whether every metric passed, or is expected to fail."""
        return all(
            result.passed
            or (self._waivers is not None and self._waivers.holds(self._actual, output.name, result.metric))
            for result in output.results
        )

    def _waive(self, output: OutputOutcome) -> OutputOutcome:
        """The outcome with the waivers of what failed in it."""
        if self._waivers is None or output.passed:
            return output
        metrics: list[MetricOutcome] = []
        for metric in output.metrics:
            if not metric.passed:
                holds, expired = self._waivers.find(self._actual, output.name, metric.metric)
                metric = replace(metric, waived=holds, expired_waiver=expired)
            metrics.append(metric)
        return replace(output, metrics=tuple(metrics))

    def _pair(self, actual: Iteration, expected: Iteration) -> None:
        names = (tuple(actual), tuple(expected))
        if names == self._names:
            return
        self._names = names
        self._pairs = pairs = pair_outputs(*names, self._options.map_outputs)
        self._mapped.update(dict.fromkeys(pairs.mapped))
        lines = list(pairs.bad_mappings)
        for name in pairs.only_actual:
            if self._options.map_outputs.get(name) is None:
                lines.append(self._lonely(name, self._actual, self._expected, pairs))
        lines += [self._lonely(name, self._expected, self._actual, pairs) for name in pairs.only_expected]
        self._pair_problems = tuple(lines)

    def _lonely(self, name: str, owner: str, other: str, pairs: OutputPairs) -> str:
        left = pairs.only_expected if owner == self._actual else pairs.only_actual
        line = f"output {name!r} of {owner!r} has no counterpart in {other!r}"
        if len(pairs.only_actual) == len(pairs.only_expected) == 1:
            return f"{line}; if they are the same: --map-outputs {pairs.only_actual[0]}={pairs.only_expected[0]}"
        return line + (f"{did_you_mean(name, left)} (without one there: {listing(left)})" if left else "")

    def _custom(self, actual: Iteration, expected: Iteration) -> dict[str, MetricResult]:
        if self._function is None:
            return {}
        return custom_results(self._function(actual, expected), [name for name, _ in self._pairs.matched])

    def _judge(self, pair: ArrayPair, problems: list[str]) -> list[MetricResult]:
        results: list[MetricResult] = []
        evidence = None if self._evidence is None else self._evidence.get(pair.name)
        if self._evidence is not None:
            if evidence is None:
                evidence = self._evidence[pair.name] = Evidence(self._options)
            evidence.prepare(pair)
        for name, metric in self._metrics:
            metric.prepare(pair, self._options.metrics[name])
        for name, metric in self._metrics:
            try:
                results.append(metric.compare(pair, self._options.metrics[name]))
            except InputError as error:
                problems.append(f"{self._actual!r}: {error}")
        if evidence is not None:
            evidence.see(pair, results)
        tally = self._tallies.get(pair.name)
        changed = tally is not None and tally.dtypes != (pair.actual_dtype, pair.expected_dtype)
        if changed and self._options.check_average:
            problems.append(f"output {pair.name!r} changes its data type, so its iterations have no common average")
        return results

    def _array_pair(
        self, name: str, expected_name: str, actual: Array, expected: Array, problems: list[str]
    ) -> ArrayPair | None:
        from trtkit.arrays import as_array
        from trtkit.comparator.arraypair import ArrayPair

        actual = as_array(actual, f"output {name!r} of {self._actual!r}")
        expected = as_array(expected, f"output {expected_name!r} of {self._expected!r}")
        if actual.shape != expected.shape:
            if not self._options.no_shape_check or actual.size != expected.size:
                problems.append(self._shapes(name, actual, expected))
                return None
            actual, expected = actual.reshape(-1), expected.reshape(-1)
        try:
            return ArrayPair(name, actual, expected)
        except InputError as error:
            problems.append(f"{self._actual!r}: {error}")
            return None

    def _shapes(self, name: str, actual: Array, expected: Array) -> str:
        line = (
            f"output {name!r} has shape {shape_text(actual.shape)} in {self._actual!r} "
            f"but {shape_text(expected.shape)} in {self._expected!r}"
        )
        if self._options.no_shape_check:
            return f"{line}, which are not equally many elements"
        return line + ("; --no-shape-check compares them flattened" if actual.size == expected.size else "")

    def _count(
        self, index: int, name: str, expected_name: str, results: list[MetricResult], pair: ArrayPair | None = None
    ) -> OutputResult:
        if name not in self._tallies:
            dtypes = ("", "") if pair is None else (pair.actual_dtype, pair.expected_dtype)
            shape = () if pair is None else pair.actual.shape
            kept = (self._recorded, self._options.worst_samples)
            self._tallies[name] = OutputTally(name, expected_name, dtypes, shape, *kept)
        tally = self._tallies[name]
        if pair is not None:
            tally.see(pair.actual.shape, pair.notes)
            if self._detail and not all(result.passed for result in results):
                tally.keep_statistics(index, pair)
            if self._pictures:
                tally.keep_pictures(index, pair, results[0], self._sample)
        for result in results:
            tally.add(index, result, self._sample)
        return OutputResult(name, expected_name, tuple(results))


def validate_arrays(run_name: str, iteration: Iteration) -> list[str]:
    """One line for each output that holds NaN or infinity, or cannot be checked for them; or that there is none."""
    from trtkit.comparator.stats import count_nonfinite
    from trtkit.dtypes import is_supported

    if not iteration:
        return [f"{run_name!r} has no outputs; nothing was validated"]
    lines = []
    for name, array in iteration.items():
        if not is_supported(array.dtype):
            lines.append(f"output {name!r} of {run_name!r} holds data of type {array.dtype}, which cannot be validated")
            continue
        nan, infinite = count_nonfinite(array)
        if nan or infinite:
            lines.append(
                f"output {name!r} of {run_name!r} holds {nan} NaN and {infinite} infinite of {array.size} elements"
            )
    return lines
