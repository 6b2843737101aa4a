"""On what a run happened: versions and machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cpu_model", "environment"]

_PACKAGES = (
    *("trtkit", "numpy", "onnx", "onnxruntime", "ml_dtypes", "torch"),
    *("tensorrt", "tensorrt_rtx", "cuda-bindings", "pycuda", "nvidia-ml-py"),
)


def environment() -> dict[str, object]:
    """Python, platform, CPU and GPUs, the versions of the packages that can change a result, None where one is
    missing, and what compares."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from trtkit.cuda.nvml import gpus
    from trtkit.native.library import computed_by

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
        "cpu": {"model": cpu_model() or platform.processor() or None, "count": _cpu_count()},
        "gpus": [gpu.to_data() for gpu in gpus()],
        "packages": packages,
        "comparison": computed_by(),
    }


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str | None:
    """The CPU's name as Linux tells it; ARM's does not."""
    try:
        for line in cpuinfo.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    except OSError:
        pass
    return None


def _cpu_count() -> int | None:
    """How many CPUs this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on Linux
        return os.cpu_count()
