"""Which TensorRT the tests have."""

from __future__ import annotations

import importlib.util

import pytest

from trtkit.backends.trt.api import PACKAGES

__all__ = ["INSTALLED", "needs_rtx", "needs_tensorrt"]

INSTALLED = [name for name in PACKAGES if importlib.util.find_spec(name) is not None]

needs_tensorrt = pytest.mark.skipif(not INSTALLED, reason="neither tensorrt nor tensorrt-rtx is installed")

needs_rtx = pytest.mark.skipif("tensorrt_rtx" not in INSTALLED, reason="tensorrt-rtx is not installed")
