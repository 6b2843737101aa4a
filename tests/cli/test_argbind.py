from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from trtkit.cli.argbind import Parser, add_options, read, read_spec
from trtkit.errors import UsageError
from trtkit.options import by_name, choice, option, parse_bytes, parse_count, per_output


@dataclass(frozen=True)
class Sample:
    """Every sort of option."""

    number: int = option(3, "--number", "-n", help="a number", parse=parse_count(1), metavar="N")
    word: str = option("a", "--word", help="a word", choices=("a", "bb"))
    words: tuple[str, ...] = option((), "--words", help="words", count="+")
    maybe: tuple[str, ...] = option((), "--maybe", help="words, or none", count="*")
    switch: bool = option(False, "--switch", help="a switch")
    limits: dict[str, float] = option({}, "--limits", help="by output", metavar="[OUT:]X", **per_output(float))
    folder: str | None = option(None, "--folder", help="bare is here", const=".")
    size: int = option(0, "--size", help="bytes", parse=parse_bytes)
    plain: int = field(default=7)


def parsed(*argv: str) -> Sample:
    parser = Parser(prog="p")
    add_options(parser, "sample", Sample)
    return read(parser.parse_known(argv), Sample)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ("", Sample()),
        ("-n 5 --switch", Sample(number=5, switch=True)),
        ("--num 5", Sample(number=5)),
        ("--word BB", Sample(word="bb")),
        ("--words a b --words c", Sample(words=("a", "b", "c"))),
        ("--maybe", Sample(maybe=())),
        ("--limits a:b:1 2e-3 --limits c:3", Sample(limits={"a:b": 1.0, "": 2e-3, "c": 3.0})),
        ("--folder", Sample(folder=".")),
        ("--folder x", Sample(folder="x")),
        ("--size 1.5K", Sample(size=1536)),
    ],
)
def test_argv_to_options(argv: str, expected: Sample) -> None:
    assert parsed(*argv.split()) == expected


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--nmber 5", "unknown option '--nmber'; did you mean '--number'?"),
        ("--number x", "--number: invalid value 'x': expected a whole number"),
        ("--number 0", "--number: invalid value '0': expected a whole number of at least 1"),
        ("--word b", "--word: invalid value 'b': expected one of a, bb; did you mean 'bb'?"),
        ("--limits a:x", "--limits: invalid value 'a:x': expected [OUT:]X"),
        ("--size -1", "--size: invalid value '-1': expected a whole, non-negative number of bytes"),
        ("--size 5Q", "--size: invalid value '5Q': expected a number of bytes, such as 1024, 512M or 1.5G"),
        ("--wo x", "ambiguous option: --wo could match --word, --words"),
        ("--number", "argument --number/-n: expected one argument"),
        ("stray", "unexpected argument 'stray'"),
    ],
)
def test_mistakes(argv: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(*argv.split())
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("number=5,switch,word=bb", {"number": 5, "switch": True, "word": "bb"}),
        ("switch=false", {"switch": False}),
        ("words=[a,b],limits=[x:1,2]", {"words": ("a", "b"), "limits": {"x": 1.0, "": 2.0}}),
        ("words=a", {"words": ("a",)}),
        ("maybe=[]", {"maybe": ()}),
    ],
)
def test_spec(text: str, expected: dict[str, Any]) -> None:
    assert read_spec(text, Sample, "--runner r") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "numbr=5",
            "--runner r: unknown key 'numbr'; did you mean 'number'? "
            "(known: name, number, word, words, maybe, switch, limits, folder, size)",
        ),
        ("number", "--runner r: 'number' needs a value, as in number=N"),
        ("number=5,number=6", "--runner r: 'number' is given twice; write a list as number=[a,b]"),
        ("switch=perhaps", "--runner r: switch: invalid value 'perhaps': expected true or false"),
        ("number=x", "--runner r: number: invalid value 'x': expected a whole number"),
    ],
)
def test_spec_mistakes(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_spec(text, Sample, "--runner r")
    assert str(caught.value) == message


def test_not_a_number_is_one_value() -> None:
    (value,) = by_name([("", math.nan)]).values()
    assert math.isnan(value)


def test_choice_keeps_the_listed_spelling() -> None:
    assert choice("Ab", "c")("AB") == "Ab"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--folder", ""], "--folder: the value is empty, as from a variable that is not set"),
        (["--limits", "1", "2"], "--limits: two values for everything that is not named; give one"),
        (["--limits", "a:1", "--limits", "a:2"], "--limits: two values for 'a'; give one"),
    ],
)
def test_values_that_say_nothing_or_two_things(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(*argv)
    assert str(caught.value) == message
