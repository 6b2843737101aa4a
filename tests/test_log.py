"""What is kept of the log for a report."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from trtkit.log import LogSetup, Warned, keep_warnings, logger, set_up


def test_the_first_hundred_and_a_count() -> None:
    with keep_warnings() as kept:
        for number in range(150):
            logging.getLogger("trtkit.a").warning("line %d", number)
            logging.getLogger("trtkit.a").info("not this")
    assert kept.lines == [f"line {number}" for number in range(100)]
    assert kept.more == 150 - Warned.KEPT
    logger.warning("too late")
    assert kept.more == 50


Shown = Callable[[LogSetup], tuple[list[str], list[str]]]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    def call(setup: LogSetup) -> tuple[list[str], list[str]]:
        set_up(setup)
        with keep_warnings() as kept:
            for name in ("trtkit.a", "trtkit.a.b", "trtkit.c"):
                for level in (logging.INFO, logging.WARNING, logging.ERROR):
                    logging.getLogger(name).log(level, "%s %d", name[7:], level)
        logging.getLogger("trtkit.c").warning("after")
        return [line[4:] for line in capsys.readouterr().err.splitlines()], kept.lines

    return call


ALL = ["a 30", "a 40", "a.b 30", "a.b 40", "c 30", "c 40"]


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        (LogSetup(logging.WARNING), [*ALL, "after"]),
        (LogSetup(logging.ERROR), ["a 40", "a.b 40", "c 40"]),
        (LogSetup(100), []),
        (LogSetup(logging.ERROR, {"a": logging.INFO}), ["a 20", "a 30", "a 40", "a.b 20", "a.b 30", "a.b 40", "c 40"]),
    ],
    ids=["shown", "errors only", "silent", "one part"],
)
def test_keeping_changes_nothing_that_is_shown(shown: Shown, setup: LogSetup, expected: list[str]) -> None:
    assert shown(setup) == (expected, ALL)
