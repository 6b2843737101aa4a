"""Decisions about precision: the request, the file, and what is wrong with either."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from trtkit.errors import FileError, UsageError
from trtkit.precision_config import (
    Decision,
    PrecisionConfig,
    PrecisionRequest,
    read_precision_config,
    write_precision_config,
)

NAMES = ["plain", "/a.b/c d", 'quo"te', "back\\slash", "ünï", "tab\there", "del\x7f", "new\nline", "\U0001f600", "=#"]


def test_round_trip(tmp_path: Path) -> None:
    nodes = {name: Decision("fp32" if index % 2 else "fp16") for index, name in enumerate(NAMES)}
    config = PrecisionConfig(("int8", "fp16"), nodes, {name: index / 3 for index, name in enumerate(NAMES)}, "m.onnx")
    write_precision_config(config, tmp_path / "c.toml")
    assert read_precision_config(tmp_path / "c.toml") == config
    assert config.kept == tuple(NAMES[1::2])


def test_reasons_are_comments(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    nodes = {"a": Decision("fp32", "its output reaches 7e4\nmore"), "b": Decision("fp16")}
    write_precision_config(PrecisionConfig(("fp16",), nodes), path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# 1 of 2 nodes stay in FP32. Give this file to --precision-config.\n")
    assert '"a" = "fp32" # its output reaches 7e4 more\n"b" = "fp16"\n' in text
    assert "[ranges]" not in text


def test_what_nobody_asked_for_is_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    nodes = {"a": Decision("bf16"), "b": Decision("fp16", "so in the model")}
    write_precision_config(PrecisionConfig(("bf16",), nodes), path)
    assert '"a" = "bf16"\n# "b" = "fp16" # so in the model\n' in path.read_text(encoding="utf-8")
    assert read_precision_config(path).nodes == {"a": Decision("bf16")}


def test_fifty_thousand_nodes_take_no_time(tmp_path: Path) -> None:
    nodes = {f"/layer.{index}/Conv": Decision("fp16") for index in range(50_000)}
    config = PrecisionConfig(("fp16",), nodes)
    write_precision_config(config, tmp_path / "c.toml")
    assert len(read_precision_config(tmp_path / "c.toml").nodes) == 50_000


HEAD = 'schema = "trtkit.precision-config"\nschema_version = 1\nprecisions = ["fp16"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = ", "is not TOML: Invalid value"),
        ("a = 1\na = 2", "is not TOML: Cannot overwrite"),
        ("x = 1", "expected schema = 'trtkit.precision-config'; --save-precision-config writes such files"),
        (HEAD.replace("1", "2"), "schema_version is 2, and this trtkit reads 1"),
        (HEAD.replace('["fp16"]', '"fp16"'), "precisions is 'fp16'; expected a list of fp16, bf16, int8, fp8"),
        (HEAD.replace('["fp16"]', '["fp12"]'), "precisions is ['fp12']"),
        (HEAD.replace('["fp16"]', "[[]]"), "precisions is [[]]"),
        (HEAD, "expected the tables [nodes] and, for 8 bits, [ranges]"),
        (HEAD + "nodes = 3", "expected the tables [nodes]"),
        (HEAD + '[nodes]\na = "fp8"', "node 'a' is 'fp8'; expected one of fp32, fp16"),
        (HEAD + "[nodes]\na = 1", "node 'a' is 1; expected one of fp32, fp16"),
        (HEAD + '[nodes]\n[ranges]\nx = "1"', "the range of 'x' is '1'; expected a finite number of at least 0"),
        (HEAD + "[nodes]\n[ranges]\nx = true", "the range of 'x' is True"),
        (HEAD + "[nodes]\n[ranges]\nx = nan", "the range of 'x' is nan"),
        (HEAD + "[nodes]\n[ranges]\nx = -1", "the range of 'x' is -1"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match=re.escape(message)):
        read_precision_config(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot read the precision config '.*c\.toml': No such file"):
        read_precision_config(tmp_path / "c.toml")


def test_no_text(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="is not TOML: 'utf-8' codec"):
        read_precision_config(tmp_path / "c.toml")


def test_nested_without_end(tmp_path: Path) -> None:
    depth = sys.getrecursionlimit() * 5
    (tmp_path / "c.toml").write_text("x = " + "[" * depth + "]" * depth, encoding="utf-8")
    with pytest.raises(FileError, match=r"is (nested too deeply|not TOML)"):
        read_precision_config(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("precisions", "message"),
    [
        ((), "no precision was asked for; one of --fp16, --bf16, --int8 and --fp8 is"),
        (("bf16", "fp16"), "--fp16 and --bf16: a model is rewritten to one of them; ask for one at a time"),
        (("int8", "fp8"), "--int8 and --fp8: a model is rewritten to one of them; ask for one at a time"),
    ],
)
def test_requests_that_make_no_sense(precisions: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        PrecisionRequest(precisions)  # type: ignore[arg-type]  # as from a caller without types
