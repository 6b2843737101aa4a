"""Keys of a suite's job as words of `trtkit run`, read by the parser of that command: one truth for both."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from trtkit.backends.registry import BACKENDS
from trtkit.cli import run
from trtkit.cli.argbind import Parser
from trtkit.errors import UsageError
from trtkit.plan import RunPlan
from trtkit.suite.paths import path_kind

__all__ = ["RunWords"]

_LEFT_OUT = {
    **dict.fromkeys((*(backend.name for backend in BACKENDS), "runner"), "runners = [...] names them in their order"),
    **dict.fromkeys(("gen-script", "gen"), "trtkit suite --list prints each job's command line"),
    **dict.fromkeys(("calibrate-tolerance", "save-tolerances"), "a job compares; calibrate with trtkit run"),
    **dict.fromkeys(
        ("verbose", "quiet", "silent", "verbosity", "log-format", "log-file"), "a job's messages are in the report"
    ),
}
"""Long flags of `trtkit run` that a job cannot have, each with why."""


class RunWords:
    """The translator of suite files (`trtkit.suite.spec.Translator`)."""

    def __init__(self) -> None:
        self._parser = Parser(prog="trtkit run")
        run.configure(self._parser)
        self._actions: dict[str, argparse.Action] = {
            flag[2:]: action
            for action in self._parser._actions
            for flag in action.option_strings
            if flag.startswith("--") and flag != "--help"
        }

    @property
    def keys(self) -> Collection[str]:
        """The long flags of `trtkit run`, those left out too: they are refused with a reason."""
        return self._actions.keys()

    def canonical(self, key: str) -> str:
        """The first long spelling of an option."""
        return next(flag for flag in self._actions[key].option_strings if flag.startswith("--"))[2:]

    def reads(self, key: str) -> Literal["", "one", "many"]:
        """Whether a key names one file that is read, or many."""
        action = self._actions.get(key)
        metavar = action.metavar if action is not None else None
        if action is None or not isinstance(metavar, str) or not path_kind(metavar):
            return ""
        flag = action.option_strings[0]
        if flag.startswith("--save") or flag == "--report":
            return ""
        return "many" if action.nargs == "+" else "one"

    def words(self, model: str | None, runners: Sequence[str], options: Mapping[str, Any]) -> list[str]:
        """The words of a command line, without `trtkit run`.

        Raises:
            UsageError: a value is not of the type that its option takes.
        """
        known = {backend.name for backend in BACKENDS}
        words = [] if model is None else [model]
        for runner in runners:
            words += [f"--{runner}"] if runner in known else ["--runner", runner]
        for key, value in options.items():
            words += self._option(key, value)
        return words

    def plan(self, words: Sequence[str]) -> RunPlan:
        """The plan that `trtkit run` makes of these words.

        Raises:
            UsageError: it makes none.
        """
        return run.plan_from(self._parser.parse_known(words))

    def _option(self, key: str, value: Any) -> list[str]:
        if key in _LEFT_OUT:
            raise UsageError(f"{key} is no key of a job: {_LEFT_OUT[key]}")
        action, flag = self._actions[key], f"--{key}"
        if action.nargs == 0:
            if not isinstance(value, bool):
                raise UsageError(f"{key} is {value!r}; expected true or false")
            return [flag] if value else []
        if isinstance(value, bool):
            if value and action.nargs == "?":
                return [flag]
            raise UsageError(f"{key} is {str(value).lower()}; expected {action.metavar}")
        values = value if isinstance(value, list) else [value]
        if not values or (isinstance(value, list) and action.nargs not in ("+", "*")):
            raise UsageError(f"{key} is {value!r}; expected {'at least one value' if not values else 'one value'}")
        texts = [_text(key, each) for each in values]
        if any(text.startswith("-") for text in texts):  # argparse would take it for an option
            return [f"{flag}={text}" for text in texts]
        return [flag, *texts]


def _text(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    raise UsageError(f"{key} is {value!r}; expected text or a number")
