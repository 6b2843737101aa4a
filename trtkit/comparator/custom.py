"""A user's own function as a further metric, named `custom`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trtkit.comparator.outcome import MetricResult
from trtkit.errors import ScriptError
from trtkit.results import Iteration
from trtkit.suggest import did_you_mean, listing

__all__ = ["ALL_OUTPUTS", "CompareFunction", "custom_results"]

CompareFunction = Callable[[Iteration, Iteration], Any]
"""Given the actual and the expected iteration, returns whether they match, or a mapping from each output's actual name
to whether it matches or to `(whether, a number to show)`."""

ALL_OUTPUTS = "(all outputs)"
"""The name under which a verdict on the iteration as a whole is kept."""


def custom_results(answer: Any, outputs: Iterable[str]) -> dict[str, MetricResult]:
    """What a `CompareFunction` returned, as results by output name.

    Args:
        answer: its return value.
        outputs: actual names of the outputs that were paired.

    Raises:
        ScriptError: it is neither of what it may be, or leaves out an output, or names an unknown one.
    """
    names = list(outputs)
    if not isinstance(answer, Mapping):
        return {ALL_OUTPUTS: _result(answer, "it")}
    for name in names:
        if name not in answer:
            raise ScriptError(f"the comparing function says nothing of output {name!r}; it has to judge every output")
    for name in answer:
        if name not in names:
            hint = did_you_mean(str(name), names)
            raise ScriptError(
                f"the comparing function judges {name!r}, which is not compared{hint} ({listing(names)} are)"
            )
    if not answer:
        raise ScriptError("the comparing function returned an empty mapping; it has to judge every output")
    return {name: _result(answer[name], f"output {name!r}") for name in names}


def _result(answer: Any, what: str) -> MetricResult:
    verdict, figures = answer, {}
    if isinstance(answer, tuple) and len(answer) == 2:
        verdict = answer[0]
        try:
            figures = {"value": float(answer[1])}
        except (TypeError, ValueError) as error:
            raise ScriptError(
                f"the comparing function's number for {what} is {answer[1]!r}; return a number"
            ) from error
    if type(verdict).__name__ not in ("bool", "bool_"):  # numpy's is called either, and numpy may not be loaded
        raise ScriptError(
            f"the comparing function returned {type(verdict).__name__} for {what}; "
            "return True or False, a mapping from output to these, or to (True or False, number)"
        )
    passed = bool(verdict)
    number = f", value {figures['value']:g}" if figures else ""
    return MetricResult(
        metric="custom",
        passed=passed,
        figures=figures,
        thresholds={},
        details={},
        summary=f"the comparing function says {'match' if passed else 'mismatch'}{number}",
        required="" if passed else "the comparing function decides",
    )
