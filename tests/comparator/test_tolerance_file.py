"""Files of tolerances: what they say, how they go together with options, and what is wrong with them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtkit
from trtkit.comparator.options import CompareOptions
from trtkit.comparator.tolerance_file import Tolerance, read_tolerances, with_tolerances, write_tolerances
from trtkit.errors import FileError, UsageError

HEAD = 'schema = "trtkit.tolerances"\nschema_version = 1\n'


def written(folder: Path, text: str) -> str:
    path = folder / "t.toml"
    path.write_text(HEAD + text)
    return str(path)


def test_there_and_back(tmp_path: Path) -> None:
    names = ['a"b', "ü.\n", "x]y", "c\\d", "plain", "del\x7f"]
    wanted = {name: Tolerance(1e-7 * index, math.inf, ("one\ttwo\n", "three")) for index, name in enumerate(names)}
    write_tolerances(wanted, ["head\r"], tmp_path / "t.toml")
    found = read_tolerances(tmp_path / "t.toml")
    assert found == {name: {"atol": each.atol, "rtol": each.rtol} for name, each in wanted.items()}


FILE = """
[outputs.y]
atol = 1e-3
rtol = 1
[outputs.z]
check_error_stat = "quantile"
error_quantile = 0.5
[default]
atol = 5
rtol = 6.0
"""


@pytest.mark.parametrize(
    ("own", "atol", "rtol"),
    [
        ({}, {"y": 1e-3, "z": 5, "": 5}, {"y": 1, "z": 6, "": 6}),
        ({"atol": 2.0}, {"y": 2, "z": 2, "": 2}, {"y": 1, "z": 6, "": 6}),
        ({"rtol": {"y": 0.5, "w": 7.0}}, {"y": 1e-3, "z": 5, "": 5}, {"y": 0.5, "z": 6, "": 6, "w": 7}),
        ({"rtol": {"": 0.5}, "atol": {"": 1.0, "y": 4.0}}, {"y": 4, "z": 1, "": 1}, {"y": 0.5, "z": 0.5, "": 0.5}),
    ],
)
def test_what_is_typed_goes_before_the_file(
    tmp_path: Path, own: dict[str, Any], atol: dict[str, float], rtol: dict[str, float]
) -> None:
    path = written(tmp_path, FILE)
    simple = with_tolerances(CompareOptions(tolerances=path, metrics={"simple": own})).metrics["simple"]
    assert (simple.atol, simple.rtol) == (atol, rtol)
    assert simple.check_error_stat == {"y": "elemwise", "z": "quantile", "": "elemwise"}
    assert simple.error_quantile == {"z": 0.5}


def test_a_statistic_that_is_typed(tmp_path: Path) -> None:
    path = written(tmp_path, FILE)
    options = CompareOptions(tolerances=path, metrics={"simple": {"check_error_stat": "max"}})
    assert set(with_tolerances(options).metrics["simple"].check_error_stat.values()) == {"max"}


def test_from_python(tmp_path: Path) -> None:
    path = written(tmp_path, "[outputs.y]\natol = 0.5\nrtol = 0\n")
    arrays = {"y": np.zeros(3, np.float32), "z": np.ones(2, np.float32)}
    near = {"y": np.full(3, 0.4, np.float32), "z": np.ones(2, np.float32)}
    assert trtkit.compare(near, arrays, CompareOptions(tolerances=path)).passed
    assert not trtkit.compare(near, arrays).passed
    assert not trtkit.compare(near, near | {"z": near["z"] + 0.4}, CompareOptions(tolerances=path)).passed


def test_only_for_simple() -> None:
    with pytest.raises(
        UsageError, match="--tolerances has no effect without the metric 'simple'; add --compare simple"
    ):
        CompareOptions(compare="l2", tolerances="t.toml")
    assert CompareOptions(compare=["l2", "simple"], tolerances="t.toml").tolerances == "t.toml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it says nothing of any output"),
        ("[outputs]\n", "it says nothing of any output"),
        ("outputs = 3\n", "expected a table for each output"),
        ("[output.y]\natol = 1\n", "unknown key 'output'; did you mean 'outputs'?"),
        ("[outputs.y]\n", "output 'y': expected a table with atol and rtol"),
        ("[outputs.y]\natoll = 1\n", "output 'y': unknown key 'atoll'; did you mean 'atol' or 'rtol'?"),
        ("[outputs.y]\natol = -1\n", "output 'y': atol is -1; expected a number of at least 0"),
        ("[outputs.y]\natol = nan\n", "output 'y': atol is nan; expected a number of at least 0"),
        ("[outputs.y]\natol = true\n", "output 'y': atol is True; expected a number of at least 0"),
        ("[outputs.y]\ncheck_error_stat = 'meen'\n", "expected one of elemwise, max"),
        ("[outputs.y]\nerror_quantile = 0.5\n", "error_quantile has no effect without check_error_stat = 'quantile'"),
        ("[default]\ncheck_error_stat = 'quantile'\nerror_quantile = 2\n", "expected a number from 0 to 1"),
        ("[default]\nrtol = 'x'\n", "[default]: rtol is 'x'; expected a number of at least 0"),
    ],
)
def test_wrong_content(tmp_path: Path, text: str, message: str) -> None:
    options = CompareOptions(tolerances=written(tmp_path, text))
    with pytest.raises(FileError) as caught:
        with_tolerances(options)
    assert message in str(caught.value)
    assert "t.toml" in str(caught.value)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    with pytest.raises(FileError, match=r"cannot read the tolerance file .*No such file"):
        read_tolerances(path)
    path.write_text('schema = "trtkit.precision-config"\n')
    with pytest.raises(FileError, match=r"expected schema = 'trtkit\.tolerances'"):
        read_tolerances(path)
    path.write_text('schema = "trtkit.tolerances"\nschema_version = 2\n')
    with pytest.raises(FileError, match="schema_version is 2, and this trtkit reads 1"):
        read_tolerances(path)
    path.write_text("a = [\n")
    with pytest.raises(FileError, match="is not TOML"):
        read_tolerances(path)
