"""The public names: a change here is a change for every user."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import trtkit

FRAMEWORKS = ("numpy", "onnx", "onnxruntime", "torch", "jinja2", "tqdm", "colored")

PUBLIC = [
    "CompareOptions",
    "ConvertPlan",
    "ConvertReport",
    "ExecutionOptions",
    "InputOptions",
    "ModelFile",
    "NamedFeed",
    "OnnxOptions",
    "Report",
    "RunPlan",
    "RunnerPlan",
    "SaveOptions",
    "TopK",
    "TrtkitError",
    "__version__",
    "compare",
    "convert",
    "extend_onnx",
    "load_inputs",
    "load_outputs",
    "open_runner",
    "run",
    "save_inputs",
    "save_outputs",
]


def test_the_public_names_are_these() -> None:
    assert trtkit.__all__ == PUBLIC
    assert dir(trtkit) == PUBLIC


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_public_name_is_documented(name: str) -> None:
    value = getattr(trtkit, name)
    assert inspect.getdoc(value)
    assert value.__name__ == name


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rnu'"):
        trtkit.rnu  # noqa: B018


@pytest.mark.parametrize("module", [info.name for info in pkgutil.walk_packages(trtkit.__path__, "trtkit.")])
def test_all_is_written_by_hand_and_true(module: str) -> None:
    if module == "trtkit.__main__":
        return
    loaded = importlib.import_module(module)
    assert loaded.__doc__, f"{module} has no docstring"
    names = getattr(loaded, "__all__", None)
    if names is not None:
        assert [name for name in names if not hasattr(loaded, name)] == []


@pytest.mark.parametrize(
    "code",
    ["import trtkit", "import trtkit.cli.main", "import trtkit.cli.run", "import trtkit.plan"],
)
def test_import_loads_no_framework_and_no_numpy(code: str) -> None:
    check = f"{code}; import sys; print([m for m in {FRAMEWORKS} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("argv", [["-h"], ["--version"], ["run", "-h"], ["inspect", "-h"], ["inspect", "data", "-h"]])
def test_help_loads_no_framework_and_no_numpy(argv: list[str]) -> None:
    check = (
        "import sys; from trtkit.cli.main import main; code = main(sys.argv[1:]); "
        f"print([m for m in {FRAMEWORKS} if m in sys.modules]); sys.exit(code)"
    )
    answer = subprocess.run([sys.executable, "-c", check, *argv], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"
