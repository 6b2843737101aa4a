"""The user's own command as the judge: its exit code, and its output if asked for, say whether something is good."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from trtkit.errors import ScriptError, UsageError, one_line
from trtkit.options import option, parse_count

__all__ = ["CheckOptions", "Outcome", "check_words", "filled", "run_check"]

log = logging.getLogger(__name__)

_NOT_STARTED = {126: "found a command that it cannot execute", 127: "did not find a command"}
"""Exit codes with which shells and `env` say that they ran nothing."""

_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""

_SHOWN = 40
"""Lines of a failing check's output that are logged, counted from the end."""


def _parse_code(text: str) -> int:
    code = parse_count(0)(text)
    if code > 255:
        raise UsageError("expected an exit code from 0 to 255")
    return code


def _parse_regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"no regular expression: {error}") from error


def _parse_seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise UsageError("expected seconds above 0, such as 5 or 0.5")
    return seconds


@dataclass(frozen=True)
class CheckOptions:
    """What of a check counts as a failure. Without any of these: every exit code but 0.

    A check that a signal ends has the exit code 128 + its number, as in a shell.

    Raises:
        UsageError: options contradict each other.
    """

    fail_code: tuple[int, ...] = option(
        (),
        "--fail-code",
        "--fail-returncode",
        help="the exit codes of the check that count as failures; all others are good then",
        parse=_parse_code,
        count="+",
        metavar="N",
    )
    ignore_fail_code: tuple[int, ...] = option(
        (),
        "--ignore-fail-code",
        "--ignore-fail-returncode",
        help="exit codes of the check that are good, beside 0",
        parse=_parse_code,
        count="+",
        metavar="N",
    )
    fail_regex: tuple[re.Pattern[str], ...] = option(
        (),
        "--fail-regex",
        help="a failing exit code counts only where one of these is found in a line of the check's output",
        parse=_parse_regex,
        count="+",
        metavar="REGEX",
    )
    timeout: float | None = option(
        None,
        "--timeout",
        help="stop a check that takes longer; that counts as a failure",
        parse=_parse_seconds,
        metavar="SECONDS",
    )

    def __post_init__(self) -> None:
        if self.fail_code and self.ignore_fail_code:
            raise UsageError("--fail-code and --ignore-fail-code contradict each other; leave one out")


@dataclass(frozen=True)
class Outcome:
    """What a judge says of one thing.

    Attributes:
        failed: whether it fails.
        kind: in which way; two failures of different kinds are not the same failure.
        reason: in a few words, such as `exit code 1`.
    """

    failed: bool
    kind: str
    reason: str


def check_words(words: Sequence[str]) -> tuple[str, ...]:
    """The command of `--check`: its words, or one text that is split as a shell would, without starting one.

    Raises:
        UsageError: there is none, or its quotes do not match.
    """
    if len(words) == 1 and any(char.isspace() for char in words[0]):
        try:
            words = shlex.split(words[0])
        except ValueError as error:
            raise UsageError(f"--check {words[0]!r} is no command: {one_line(error)}") from error
    if not words or not words[0]:
        raise UsageError("--check: no command was given; it is the last option, and everything after it is the command")
    return tuple(words)


def filled(command: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """The command with `{name}` replaced in each word; other braces stay as they are."""
    words = []
    for word in command:
        for name, value in places.items():
            word = word.replace(f"{{{name}}}", value)
        words.append(word)
    return words


def run_check(command: Sequence[str], options: CheckOptions) -> Outcome:
    """Run a command in a process group of its own, and judge it.

    The group gets no input. It is ended on expiry of the timeout, on Ctrl-C and on whatever else leaves this function.

    Raises:
        ScriptError: the command could not be started.
    """
    with tempfile.TemporaryFile(prefix="trtkit-") as output:
        code = _exit_code(command, options.timeout, output)
        outcome = _judged(code, options, output)
        _show(outcome, output)
    return outcome


def _exit_code(command: Sequence[str], timeout: float | None, output: IO[bytes]) -> int | None:
    """The exit code as a shell has it; None where the time was up."""
    try:
        child = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or one_line(error)
        raise ScriptError(f"the check could not be started: {shlex.join(command)}: {reason}") from error
    try:
        code = child.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(child)
    return code if code >= 0 else 128 - code


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started and left behind; asked first, then forced."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _judged(code: int | None, options: CheckOptions, output: IO[bytes]) -> Outcome:
    if code is None:
        return Outcome(True, "check", f"no answer within {options.timeout:g} s")
    if code in _NOT_STARTED and code not in (*options.fail_code, *options.ignore_fail_code):
        raise ScriptError(
            f"the check could not be started: it {_NOT_STARTED[code]} (exit code {code}: {_last_line(output)})"
        )
    said = f"exit code {code}" if code <= 128 else f"exit code {code}{_signal_text(code - 128)}"
    bad = code in options.fail_code if options.fail_code else code not in (0, *options.ignore_fail_code)
    if bad and options.fail_regex:
        line = _matching_line(options.fail_regex, output)
        said += ", and no line matches --fail-regex" if line is None else f": {one_line(line, 200)}"
        bad = line is not None
    return Outcome(bad, "check", said)


def _signal_text(number: int) -> str:
    try:
        return f", ended by {signal.Signals(number).name}"
    except ValueError:
        return ""


def _matching_line(patterns: Sequence[re.Pattern[str]], output: IO[bytes]) -> str | None:
    output.seek(0)
    for line in output:
        text = line.decode(errors="replace")
        if any(pattern.search(text) for pattern in patterns):
            return text
    return None


def _tail(output: IO[bytes], size: int = 1 << 16) -> list[str]:
    """The last lines, of a bounded size."""
    end = output.seek(0, os.SEEK_END)
    output.seek(max(0, end - size))
    return output.read().decode(errors="replace").splitlines()


def _last_line(output: IO[bytes]) -> str:
    return one_line(next((line for line in reversed(_tail(output)) if line.strip()), "no output"), 200)


def _show(outcome: Outcome, output: IO[bytes]) -> None:
    """What the check printed goes to the log: with -v."""
    log.debug("check: %s, %s", "bad" if outcome.failed else "good", outcome.reason)
    for line in _tail(output)[-_SHOWN:]:
        log.debug("check| %s", line)
