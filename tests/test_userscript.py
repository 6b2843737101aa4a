from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trtkit.errors import ScriptError
from trtkit.userscript import load_script


def script(folder: Path, text: str, name: str = "script.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["json.py", "copy.py", "a-b c.py", "numpy.py"])
def test_any_name_can_be_loaded_and_shadows_nothing(tmp_path: Path, name: str) -> None:
    path = script(tmp_path, "import json, copy\ndef f():\n    return json.dumps([1]), copy.copy(2)\n", name)
    assert load_script(path, "f").call() == ("[1]", 2)
    assert str(tmp_path) != sys.path[0]


def test_neighbours_can_be_imported(tmp_path: Path) -> None:
    script(tmp_path, "value = 7\n", "a_neighbour_of_the_script.py")
    path = script(tmp_path, "from a_neighbour_of_the_script import value\ndef f():\n    return value\n")
    assert load_script(path, "f").call() == 7


def test_function_named_in_the_text(tmp_path: Path) -> None:
    path = script(tmp_path, "def g():\n    return 1\n")
    assert load_script(f"{path}:g", "f").call() == 1


def test_parameters_get_what_they_name(tmp_path: Path) -> None:
    path = script(tmp_path, "def f(b, *, a=5):\n    return a, b\ndef g(**rest):\n    return rest\n")
    assert load_script(path, "f").call(a=1, b=2, c=3) == (1, 2)
    assert load_script(f"{path}:g", "f").call(a=1) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ndef f(:\n", "{path}:2: SyntaxError: "),
        ("import sys\nsys.exit(3)\n", "{path}:2: SystemExit: 3"),
        ("def g():\n    pass\n", "{path} has no 'f'"),
        ("f = 3\n", "{path}: 'f' is a int, not a function"),
        ("def f():\n    x = {}\n    return x['k']\n", "{path}:3: in f: KeyError: 'k'"),
        (
            "def f(netwrk):\n    pass\n",
            "{path}:1: f asks for 'netwrk', but can have 'network'; did you mean 'network'?",
        ),
        ("import os\ndef f():\n    os.stat('/nowhere/at/all')\n", "{path}:3: in f: FileNotFoundError: "),
        ("def f():\n    raise ValueError('one\\ntwo')\n", "{path}:2: in f: ValueError: one two"),
    ],
    ids=["syntax", "exit", "no-name", "no-function", "raises", "parameter", "elsewhere", "two-lines"],
)
def test_failures_show_the_line_of_the_script(tmp_path: Path, text: str, message: str) -> None:
    path = script(tmp_path, text)
    with pytest.raises(ScriptError) as caught:
        load_script(path, "f").call(network=None)
    assert str(caught.value).startswith(message.format(path=path))
    assert "\n" not in str(caught.value)


def test_generator_failure(tmp_path: Path) -> None:
    path = script(tmp_path, "def f():\n    yield 1\n    raise RuntimeError('late')\n")
    loaded = load_script(path, "f")
    values = loaded.iterate(loaded.call())
    assert next(values) == 1
    with pytest.raises(ScriptError, match=r"script\.py:3: in f: RuntimeError: late"):
        next(values)


def test_missing_script_names_the_near_one(tmp_path: Path) -> None:
    script(tmp_path, "", "loader.py")
    with pytest.raises(ScriptError, match=r"there is no script .*loadr\.py'; did you mean 'loader\.py'\?"):
        load_script(tmp_path / "loadr.py", "f")


def test_binary_script(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScriptError, match=r"b\.py"):
        load_script(tmp_path / "b.py", "f")
