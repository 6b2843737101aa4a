"""The recorded versions."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import pytest

from trtkit.native import library
from trtkit.report.environment import cpu_model, environment


def packages() -> dict[str, str | None]:
    found = environment()["packages"]
    assert isinstance(found, dict)
    return found


def test_versions_of_what_is_installed() -> None:
    found = packages()
    assert found["onnxruntime"] == version("onnxruntime")
    assert found.keys() >= {"tensorrt", "tensorrt_rtx", "cuda-bindings", "pycuda", "nvidia-ml-py"}


def test_a_module_that_no_installer_knows_says_its_own_version(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        version("tensorrt")
    except PackageNotFoundError:
        pass
    else:
        pytest.skip("TensorRT was installed by a package manager here")
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    assert packages()["tensorrt"] is None
    module = ModuleType("tensorrt")
    module.__dict__["__version__"] = "8.6.0"
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    assert packages()["tensorrt"] == "8.6.0"


def test_the_cpu(tmp_path: Path) -> None:
    cpu = environment()["cpu"]
    assert isinstance(cpu, dict)
    assert cpu["count"] >= 1
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nmodel name\t: A: CPU\nmodel name\t: other\n")
    assert cpu_model(path) == "A: CPU"
    path.write_text("processor\t: 0\nBogoMIPS\t: 50\n")
    assert cpu_model(path) is None
    assert cpu_model(tmp_path / "none") is None


def test_what_compares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(library.SWITCH, "off")
    library._opened.cache_clear()
    assert environment()["comparison"] == "numpy (TRTKIT_NATIVE is off)"
    library._opened.cache_clear()
