"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trtkit.cli import console
from trtkit.cli.main import main
from trtkit.cuda.device import gpu_count
from trtkit.log import LogSetup, logger, set_up


class Result:
    """What a command line came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def error(self) -> str:
        """The last line of standard error, which is the error message where there is one."""
        return self.err.splitlines()[-1] if self.err else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none."""
    if gpu_count():
        return
    for item in items:
        if item.get_closest_marker("gpu") is not None:
            item.add_marker(pytest.mark.skip(reason="there is no NVIDIA GPU, or no driver for it"))


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command sets the log up for its process; the next test finds it as it was."""
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    yield
    set_up(LogSetup())
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:], logger.propagate = handlers, propagate
    logger.setLevel(level)


@pytest.fixture
def trtkit_command(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command line in this process and gives its exit code and output."""
    monkeypatch.setattr(console, "_silent", False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def call(*argv: str | Path) -> Result:
        capfd.readouterr()
        code = main([str(word) for word in argv])
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own folder as current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def native_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native code, compiled from the present sources; without a compiler, the test is skipped."""
    from trtkit.native.build import build

    made = tmp_path_factory.mktemp("native") / "kernel.so"
    missing = build(made)
    if missing:
        pytest.skip(f"no native code: {missing}")
    return made


@pytest.fixture(scope="module", params=["native code", "numpy"])
def computing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Has a module's tests run with the native code and without it."""
    from trtkit.comparator.kernel import kernel
    from trtkit.native import library

    native = request.param == "native code"
    made = request.getfixturevalue("native_library") if native else tmp_path_factory.mktemp("empty") / "kernel.so"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "LIBRARY", made)
        patch.delenv(library.SWITCH, raising=False)
        for cache in (library._opened, kernel):
            cache.cache_clear()
        yield request.param
    for cache in (library._opened, kernel):
        cache.cache_clear()
