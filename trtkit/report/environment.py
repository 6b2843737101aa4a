"""On what a run happened: versions and machine."""

from __future__ import annotations

import sys

__all__ = ["environment"]

_PACKAGES = (
    *("trtkit", "numpy", "onnx", "onnxruntime", "ml_dtypes", "torch"),
    *("tensorrt", "tensorrt_rtx", "cuda-bindings", "pycuda", "nvidia-ml-py"),
)


def environment() -> dict[str, object]:
    """Python, platform and the versions of the packages that can change a result, None where one is missing."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    packages: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            # Loaded from a folder that no installer made, as TensorRT often is.
            packages[name] = getattr(sys.modules.get(name), "__version__", None)
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": packages,
    }
