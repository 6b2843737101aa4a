"""Clocks, driver and identity of a GPU, asked of NVIDIA's management library by the package nvidia-ml-py."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from trtkit.timing import GpuState

__all__ = ["gpu_state"]


def gpu_state(pci_bus_id: str, name: str) -> GpuState:
    """The clocks of a GPU now, and what it is.

    No run depends on them, so nothing fails: what the package, the driver or the GPU does not answer is None.

    Args:
        pci_bus_id: as CUDA writes it, e.g. `0000:18:00.0`.
        name: the GPU's name, handed through.
    """
    try:
        nvml: Any = importlib.import_module("pynvml")
    except ImportError:
        return GpuState(name)
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:  # no driver, or one without the library
        return GpuState(name)
    try:
        gpu = nvml.nvmlDeviceGetHandleByPciBusId(pci_bus_id.encode())
        sm, memory = nvml.NVML_CLOCK_SM, nvml.NVML_CLOCK_MEM
        return GpuState(
            name,
            uuid=_text(_asked(nvml, nvml.nvmlDeviceGetUUID, gpu)),
            driver=_text(_asked(nvml, nvml.nvmlSystemGetDriverVersion)),
            sm_clock=_asked(nvml, nvml.nvmlDeviceGetClockInfo, gpu, sm),
            sm_clock_max=_asked(nvml, nvml.nvmlDeviceGetMaxClockInfo, gpu, sm),
            memory_clock=_asked(nvml, nvml.nvmlDeviceGetClockInfo, gpu, memory),
            memory_clock_max=_asked(nvml, nvml.nvmlDeviceGetMaxClockInfo, gpu, memory),
        )
    except nvml.NVMLError:  # NVML does not know this GPU
        return GpuState(name)
    finally:
        nvml.nvmlShutdown()


def _asked(nvml: Any, question: Callable[..., Any], *args: Any) -> Any:
    """The answer; None where this GPU has none, as virtual ones often do."""
    try:
        return question(*args)
    except nvml.NVMLError:
        return None


def _text(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value  # bytes in old releases of the package
