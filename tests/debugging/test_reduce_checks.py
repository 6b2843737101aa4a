"""A command as judge: exit codes, output, time limits, and nothing left running."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from trtkit.debugging.checks import CheckOptions, check_words, filled, run_check
from trtkit.errors import ScriptError, UsageError


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


REGEX = (re.compile("over+flow"),)
CASES: list[tuple[str, str, CheckOptions, bool, str]] = [
    ("zero", "", CheckOptions(), False, "exit code 0"),
    ("one", "exit(1)", CheckOptions(), True, "exit code 1"),
    ("code counts", "exit(3)", CheckOptions(fail_code=(3, 4)), True, "exit code 3"),
    ("other code", "exit(1)", CheckOptions(fail_code=(3, 4)), False, "exit code 1"),
    ("zero counts", "", CheckOptions(fail_code=(0,)), True, "exit code 0"),
    ("ignored", "exit(2)", CheckOptions(ignore_fail_code=(2,)), False, "exit code 2"),
    ("not ignored", "exit(3)", CheckOptions(ignore_fail_code=(2,)), True, "exit code 3"),
    ("signal", "import os; os.kill(os.getpid(), 11)", CheckOptions(), True, "exit code 139, ended by SIGSEGV"),
    ("line", "print('an overrrflow'); exit(1)", CheckOptions(fail_regex=REGEX), True, "exit code 1: an overrrflow"),
    (
        "line on stderr",
        "import sys; print('overflow', file=sys.stderr); exit(1)",
        CheckOptions(fail_regex=REGEX),
        True,
        "exit code 1: overflow",
    ),
    (
        "no line",
        "print('fine'); exit(1)",
        CheckOptions(fail_regex=REGEX),
        False,
        "exit code 1, and no line matches --fail-regex",
    ),
    ("line and 0", "print('overflow')", CheckOptions(fail_regex=REGEX), False, "exit code 0"),
    ("127 named", "exit(127)", CheckOptions(fail_code=(127,)), True, "exit code 127"),
    ("slow", "import time; time.sleep(60)", CheckOptions(timeout=0.2), True, "no answer within 0.2 s"),
]


@pytest.mark.parametrize(("code", "options", "failed", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_counts_as_a_failure(code: str, options: CheckOptions, failed: bool, reason: str) -> None:
    outcome = run_check(python(code), options)
    assert (outcome.failed, outcome.reason) == (failed, reason)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["./no-such-command"], "the check could not be started: ./no-such-command: No such file or directory"),
        (["/"], "the check could not be started: /: Permission denied"),
        (
            ["sh", "-c", "no_such_command_here"],
            "the check could not be started: it did not find a command \\(exit code 127: .*not found\\)",
        ),
    ],
    ids=["no file", "a folder", "a shell that finds nothing"],
)
def test_a_check_that_does_not_start_is_no_failure(command: list[str], message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        run_check(command, CheckOptions())


def test_what_a_check_leaves_behind_is_ended_with_it(tmp_path: Path) -> None:
    late = tmp_path / "late"
    child = f"import time; time.sleep(0.5); open({str(late)!r}, 'w')"
    run_check(python(f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])"), CheckOptions())
    time.sleep(0.8)
    assert not late.exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["python", "check.py", "a b"], ("python", "check.py", "a b")),
        (["python check.py 'a b'"], ("python", "check.py", "a b")),
        (["check"], ("check",)),
        (["a b", "c"], ("a b", "c")),
    ],
    ids=["words", "one text", "one word", "a first word with a blank"],
)
def test_words_of_a_check(words: Sequence[str], expected: tuple[str, ...]) -> None:
    assert check_words(words) == expected


@pytest.mark.parametrize("words", [[], [""], ["a 'b"], [" "]], ids=["none", "empty", "open quote", "blank"])
def test_no_command(words: list[str]) -> None:
    with pytest.raises(UsageError, match="--check"):
        check_words(words)


def test_places_are_filled_and_other_braces_stay() -> None:
    assert filled(["{model}", "a{model}b{inputs}", "{x} {}"], {"model": "m", "inputs": "i"}) == ["m", "ambi", "{x} {}"]


def test_options_that_contradict_each_other() -> None:
    with pytest.raises(UsageError, match="--fail-code and --ignore-fail-code"):
        CheckOptions(fail_code=(1,), ignore_fail_code=(2,))
