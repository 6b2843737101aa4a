"""The recorded versions."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

import pytest

from trtkit.report.environment import environment


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
