"""Files of waivers, and which waiver is for what."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from trtkit.errors import FileError
from trtkit.waivers import Waiver, Waivers, read_waivers, utc_today

METRICS = ("simple", "psnr", "custom")
TODAY = date(2026, 6, 15)
FULL = """\
# [[waiver]] in a comment is none

[[waiver]]
output = "y"
reason = "because"
expires = 2027-01-31

[[ waiver ]]
output = "logits*"
metric = "psnr"
reason = "the other"
expires = 2026-01-31
runner = "trt"
model = "m*.onnx"
"""
GOOD = 'output = "y"\nreason = "r"\nexpires = 2027-01-31\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "w.toml"
    path.write_text(text)
    return path


def waiver(output: str = "y", expires: date = TODAY, **more: str) -> Waiver:
    return Waiver(output, "r", expires, **more)  # type: ignore[arg-type]  # text for text


def test_all_that_an_entry_says(tmp_path: Path) -> None:
    path = write(tmp_path, FULL)
    first, second = read_waivers(path, METRICS)
    assert first == Waiver("y", "because", date(2027, 1, 31), file=str(path), line=3)
    assert second == Waiver("logits*", "the other", date(2026, 1, 31), "psnr", "trt", "m*.onnx", file=str(path), line=8)
    assert [Waiver.from_data(each.to_data()) for each in (first, second)] == [first, second]
    assert second.place == f"{path}:8"


def test_lines_are_left_out_where_they_cannot_be_told(tmp_path: Path) -> None:
    found = read_waivers(write(tmp_path, 'waiver = [{output = "y", reason = "r", expires = 2027-01-31}]'), METRICS)
    assert (found[0].line, found[0].place) == (None, str(tmp_path / "w.toml"))
    text = f'[[waiver]]\n{GOOD}runner = """\n[[waiver]]\n"""\n'
    assert read_waivers(write(tmp_path, text), METRICS)[0].line is None


def test_an_empty_file_waives_nothing(tmp_path: Path) -> None:
    assert read_waivers(write(tmp_path, ""), METRICS) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[waiver]\n", "is not TOML"),
        (f"[[waivers]]\n{GOOD}", "unknown key 'waivers'; did you mean 'waiver'?"),
        (f"[waiver]\n{GOOD}", r"begins with \[\[waiver\]\], in double brackets"),
        ("waiver = [1]", r"begins with \[\[waiver\]\], in double brackets"),
        (f"[[waiver]]\n{GOOD}reson = 'x'\n", r"waiver 1 \(line 1\): unknown key 'reson'; did you mean 'reason'?"),
        ('[[waiver]]\nreason = "r"\nexpires = 2027-01-31\n', "'output' is missing"),
        ('[[waiver]]\noutput = "y"\nexpires = 2027-01-31\n', "'reason' is missing"),
        ('[[waiver]]\noutput = "y"\nreason = "r"\n', "'expires' is missing"),
        (f"[[waiver]]\n{GOOD}".replace('"r"', '" "'), "reason is ' '; expected text that is not empty"),
        (f"[[waiver]]\n{GOOD}".replace('"y"', '""'), "output is ''; expected text that is not empty"),
        (f"[[waiver]]\n{GOOD}runner = 3\n", "runner is 3; expected text"),
        (f"[[waiver]]\n{GOOD}".replace("2027-01-31", '"2027-01-31"'), "expected a date without quotes"),
        (f"[[waiver]]\n{GOOD}".replace("2027-01-31", "2027-01-31T10:00:00Z"), "expected a date without quotes"),
        (f"[[waiver]]\n{GOOD}metric = 'sipmle'\n", "no metric 'sipmle'; did you mean 'simple'?"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read_waivers(write(tmp_path, text), METRICS)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read the waivers file"):
        read_waivers(tmp_path / "none.toml", METRICS)


@pytest.mark.parametrize(
    ("each", "covers"),
    [
        (waiver(), True),
        (waiver("z"), False),
        (waiver("Y"), False),
        (waiver("*"), True),
        (waiver(metric="simple"), True),
        (waiver(metric="psnr"), False),
        (waiver(runner="trt*"), True),
        (waiver(runner="onnxrt"), False),
    ],
)
def test_what_a_waiver_covers(each: Waiver, covers: bool) -> None:
    assert each.covers("trt-2", "y", "simple") is covers


def test_names_with_brackets_and_the_verdict_on_all_outputs() -> None:
    assert waiver("a[0]").covers("r", "a[0]", "simple")
    assert not waiver("*").covers("r", "(all outputs)", "custom")
    assert waiver("(all outputs)").covers("r", "(all outputs)", "custom")


def test_the_last_day_counts() -> None:
    each = waiver(expires=TODAY)
    assert Waivers([each], None, TODAY).find("r", "y", "simple") == (each, None)
    assert Waivers([each], None, date(2026, 6, 16)).find("r", "y", "simple") == (None, each)


def test_one_that_holds_comes_before_those_that_expired() -> None:
    old, older, new = waiver(expires=date(2026, 2, 1)), waiver(expires=date(2026, 1, 1)), waiver("*")
    assert Waivers([old, new], None, TODAY).find("r", "y", "simple") == (new, None)
    assert Waivers([older, old], None, TODAY).find("r", "y", "simple") == (None, old)
    assert Waivers([older, old], None, TODAY).find("r", "z", "simple") == (None, None)


@pytest.mark.parametrize(
    ("pattern", "model", "here"),
    [
        (None, None, True),
        ("m.onnx", "m.onnx", True),
        ("*.onnx", "m.onnx", True),
        ("n*", "m.onnx", False),
        ("*", None, False),
    ],
)
def test_waivers_of_other_models_are_left_out(pattern: str | None, model: str | None, here: bool) -> None:
    assert bool(Waivers([Waiver("y", "r", TODAY, model=pattern)], model, TODAY).here) is here


def test_today_is_a_day() -> None:
    assert type(utc_today()) is date
    assert Waivers([], None).today >= date(2026, 1, 1)
