from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trtkit.backends.registry import BACKENDS, find_backend
from trtkit.errors import BackendError, MissingPackageError, TrtkitError, UsageError

GOOD = '''"""A made-up backend.

More about it.
"""
from dataclasses import dataclass

KINDS = ("onnx", "engine")

@dataclass(frozen=True)
class Options:
    pass

def create(name, model, options, context):
    return name
'''

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a distribution with an entry point, and its module, on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def make(entry: str, module: str = "made_up", code: str = GOOD) -> None:
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[trtkit.backends]\n{entry}\n")
        (tmp_path / f"{module}.py").write_text(code)

    yield make
    for name in set(sys.modules) - before:
        if name.startswith("made_up"):
            del sys.modules[name]


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.name)
def test_the_table_leads_to_modules_with_the_members_of_a_backend(backend: Any) -> None:
    assert find_backend(backend.name) is backend
    module = backend.load()
    assert module.Options() == module.Options()
    assert callable(module.create)


def test_a_backend_of_another_package(install: Install) -> None:
    install("foreign = made_up")
    backend = find_backend("foreign")
    assert (backend.name, backend.help, backend.kinds) == ("foreign", "A made-up backend", ("onnx", "engine"))
    module: Any = backend.load()
    assert module.create("me", None, module.Options(), None) == "me"


def test_an_unknown_name_lists_all(install: Install) -> None:
    install("foreign = made_up")
    with pytest.raises(
        UsageError, match=r"unknown backend 'onxrt'; did you mean 'onnxrt'.*known: .*onnxref, trt, foreign\)"
    ):
        find_backend("onxrt")


FAULTS: dict[str, tuple[str, str, type[TrtkitError], str]] = {
    "not importable": ("foreign = made_up", "import not_there_at_all", MissingPackageError, "No module named"),
    "not there": ("foreign = made_up_elsewhere", GOOD, MissingPackageError, "made_up_elsewhere"),
    "fails": ("foreign = made_up", "1 / 0", BackendError, "failed while it was imported: ZeroDivisionError"),
    "no backend": ("foreign = made_up", "x = 1", BackendError, "lacks Options and create"),
    "no module": ("foreign = made_up:create", GOOD, BackendError, "names a module"),
}


@pytest.mark.parametrize(("entry", "code", "error", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_of_another_package(
    install: Install, entry: str, code: str, error: type[TrtkitError], message: str
) -> None:
    install(entry, code=code)
    with pytest.raises(error, match=message):
        find_backend("foreign")


def test_two_packages_with_one_name(install: Install) -> None:
    install("foreign = made_up")
    install("foreign = made_up_too", "made_up_too")
    with pytest.raises(UsageError, match="several installed packages offer a backend 'foreign': made_up, made_up_too"):
        find_backend("foreign")


def test_ours_come_first(install: Install) -> None:
    install("onnxrt = made_up")
    assert find_backend("onnxrt").module == "trtkit.backends.onnxrt"
