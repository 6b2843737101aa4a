from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trtkit.native import library
from trtkit.native.build import build
from trtkit.native.sources import FOLDER, fingerprint


@pytest.fixture(autouse=True)
def _as_before() -> None:
    library._opened.cache_clear()


@pytest.mark.usefixtures("native_library")
def test_it_compiles_without_warnings(tmp_path: Path) -> None:
    assert build(tmp_path / "kernel.so", ("-Werror", "-Wpedantic", "-Wconversion", "-Wshadow")) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["kernel.so"]


@pytest.mark.usefixtures("native_library")
def test_what_does_not_compile_leaves_what_was_there(tmp_path: Path) -> None:
    made = tmp_path / "kernel.so"
    made.write_text("as before")
    assert "fails: " in build(made, ("--no-such-flag",))
    assert made.read_text() == "as before"
    assert list(tmp_path.iterdir()) == [made]


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_no_compiler(path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", path)
    assert build(tmp_path / "kernel.so") == "there is no C compiler"
    assert not list(tmp_path.iterdir())


def test_a_compiler_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -v")
    assert build(tmp_path / "kernel.so") == "there is no C compiler"


def test_it_is_loaded_and_says_so(native_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "LIBRARY", native_library)
    monkeypatch.delenv(library.SWITCH, raising=False)
    assert library.library() is not None
    assert library.computed_by() == "native code"


def test_switched_off(native_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "LIBRARY", native_library)
    monkeypatch.setenv(library.SWITCH, "off")
    assert library.library() is None
    assert library.computed_by() == "numpy (TRTKIT_NATIVE is off)"


def test_one_that_was_made_from_other_sources(native_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "LIBRARY", native_library)
    monkeypatch.setattr(library, "fingerprint", lambda: fingerprint() ^ 1)
    monkeypatch.delenv(library.SWITCH, raising=False)
    assert library.library() is None
    assert "made from other sources; run: python -m trtkit.native.build" in library.computed_by()


@pytest.mark.parametrize(("text", "why"), [(None, "without a C compiler"), ("no library", "cannot be loaded")])
def test_none_that_can_be_loaded(text: str | None, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = tmp_path / "kernel.so"
    if text is not None:
        made.write_text(text)
    monkeypatch.setattr(library, "LIBRARY", made)
    monkeypatch.delenv(library.SWITCH, raising=False)
    assert library.library() is None
    assert why in library.computed_by()


@pytest.mark.usefixtures("native_library")
def test_nothing_undefined_happens(tmp_path: Path) -> None:
    """The comparison of pairs of every type, by a library that ends the process where C leaves open what happens."""
    made = tmp_path / "kernel.so"
    missing = build(made, ("-fsanitize=undefined", "-fno-sanitize-recover=all", "-O1"))
    if missing:
        pytest.skip(f"no sanitizer: {missing}")
    program = Path(__file__).parent / "every_type.py"
    environment = {**os.environ, "PYTHONPATH": f"{FOLDER.parent.parent}"}
    environment.pop(library.SWITCH, None)
    done = subprocess.run(
        [sys.executable, str(program), str(made)], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "native code\n"
