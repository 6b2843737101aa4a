"""The outlines of the commands: up to date, and as good as the parsers that they stand for."""

from __future__ import annotations

import subprocess
import sys

import pytest
from options_table import parsers
from outlines import outlines

from trtkit.cli.argbind import Parser
from trtkit.cli.helptext import help_text
from trtkit.cli.main import COMMANDS, main
from trtkit.cli.outline import read_outline
from trtkit.cli.outlining import outline_of, parser_for
from trtkit.errors import UsageError

PARSERS = {parser.prog: parser for parser in parsers()}


def test_they_are_up_to_date() -> None:
    made = outlines()
    folder = next(iter(made)).parent
    if {path: path.read_text(encoding="utf-8") for path in folder.iterdir()} != made:
        pytest.fail("the outlines of the commands are out of date; run: python tests/outlines.py")


@pytest.mark.parametrize(
    "line",
    [
        "run m.onnx --onnxrt",
        "run m.onnx --trt --onnxref --onnxrt --runner onnxrt:name=a --onnxrt",
        "run m.onnx --onnxrt --atol 1e-3 y:2 --rtol=0.5 --compare simple psnr --fail-fast",
        "run m.onnx --onnxrt --load-outputs a b --load-outputs c --waivers w.toml",
        "run m.onnx --onnxrt --save-input-blob --report r.json r.xml",
        "run m.onnx --onnxrt --gen-script - -v --verbose --log-format timestamp",
        "run",
        "convert m.onnx -o e --int8 --trt-min-shapes x:[1] --trt-max-shapes x:[4]",
        "inspect data a.json --json",
        "template trt-network m.onnx --fp16",
        "debug precision m.onnx --fp16 --iterations 2",
    ],
)
def test_a_parser_of_the_needed_arguments_reads_the_same(line: str) -> None:
    words = line.split()
    prog = next(prog for prog in PARSERS if f"trtkit {line} ".startswith(f"{prog} "))
    argv = words[len(prog.split()) - 1 :]
    whole = PARSERS[prog]
    small = parser_for(read_outline(prog), argv) or Parser(prog=prog)
    if not whole._mutually_exclusive_groups:
        assert len(small._actions) < len(whole._actions)
        assert vars(small.parse_known(argv)) == vars(whole.parse_known(argv))
        assert (small.hint, small.left_out) == (whole.hint, whole.left_out)


@pytest.mark.parametrize(
    "line",
    [
        *("m.onnx --iter 3", "m.onnx --onnxrt -vq", "m.onnx -v=q", "m.onnx --onxrt", "m.onnx --atol -1", "-- m.onnx"),
        "m.onnx --fp1",
    ],
    ids=["abbreviation", "letters", "letters with =", "mistake", "negative number", "double dash", "ambiguous"],
)
def test_only_the_whole_parser_judges(line: str) -> None:
    assert parser_for(read_outline("trtkit run"), line.split()) is None


def test_groups_of_which_one_is_allowed_need_the_whole_parser() -> None:
    parser = Parser(prog="p", description="d")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--a", action="store_true", help="a")
    group.add_argument("--b", action="store_true", help="b")
    assert parser_for(outline_of(parser), ["--a"]) is None


def test_what_is_required_is_missed() -> None:
    parser = parser_for(read_outline("trtkit convert"), ["m.onnx"])
    assert parser is not None
    with pytest.raises(UsageError, match="required: -o/--output"):
        parser.parse_known(["m.onnx"])


def test_defaults_are_not_shared() -> None:
    outline = read_outline("trtkit run")
    parser = parser_for(outline, ["m.onnx", "--onnxrt"])
    assert parser is not None
    for _ in range(2):
        assert parser.parse_known(["m.onnx", "--onnxrt"]).runners == ["onnxrt"]


@pytest.mark.parametrize("prog", PARSERS)
def test_help(prog: str) -> None:
    outline, parser = read_outline(prog), PARSERS[prog]
    everything = help_text(outline, 78, everything=True)
    short = help_text(outline, 78, everything=False)
    for text in (everything, short):
        assert max(map(len, text.splitlines())) <= 78
    assert len(short.splitlines()) <= 120
    for action in parser._actions:
        for flag in action.option_strings:
            assert flag in everything
    more = len([line for line in everything.splitlines() if line.startswith("  -")]) - len(
        [line for line in short.splitlines() if line.startswith("  -")]
    )
    assert ("--help-all" in short) == (more > 0)


def test_help_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "no.onnx", "--help-all"]) == 0
    assert "--ort-custom-ops" in capsys.readouterr().out
    assert main(["run", "-h"]) == 0
    shown = capsys.readouterr().out
    assert "--ort-custom-ops" not in shown
    assert "--onnxrt" in shown


def test_a_file_whose_name_is_a_flag_of_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "data", "--", "-h"]) == 3
    assert "'-h'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["-h", "--version", "run -h", "inspect -h", "inspect data --help", "convert --help-all"]
)
def test_help_loads_no_options(line: str) -> None:
    code = (
        "import sys; before = set(sys.modules); from trtkit.cli.main import main; main(sys.argv[1:]); "
        "print(*sorted(set(sys.modules) - before))"
    )
    answer = subprocess.run([sys.executable, "-c", code, *line.split()], capture_output=True, text=True, check=True)
    loaded = answer.stdout.splitlines()[-1].split()
    assert {"argparse", "dataclasses", "pathlib", "logging", "typing", "trtkit.options"}.isdisjoint(loaded)


def test_every_command_has_an_outline_or_tools() -> None:
    for name in COMMANDS:
        assert any(prog == f"trtkit {name}" or prog.startswith(f"trtkit {name} ") for prog in PARSERS)
