"""Clocks, driver and identity of GPUs, asked of NVIDIA's management library by the package nvidia-ml-py."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trtkit.timing import GpuState

__all__ = ["GpuIdentity", "gpu_state", "gpus"]


@dataclass(frozen=True)
class GpuIdentity:
    """A GPU of this machine; None where it does not say."""

    name: str | None
    uuid: str | None
    driver: str | None

    def to_data(self) -> dict[str, Any]:
        """As a plain dictionary."""
        return dict(vars(self))


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


def gpus() -> list[GpuIdentity]:
    """The GPUs of this machine, those included that are hidden from CUDA; none without the package or the driver."""
    try:
        nvml: Any = importlib.import_module("pynvml")
    except ImportError:
        return []
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return []
    try:
        driver = _text(_asked(nvml, nvml.nvmlSystemGetDriverVersion))
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        names = [_text(_asked(nvml, nvml.nvmlDeviceGetName, gpu)) for gpu in handles]
        uuids = [_text(_asked(nvml, nvml.nvmlDeviceGetUUID, gpu)) for gpu in handles]
        return [GpuIdentity(name, uuid, driver) for name, uuid in zip(names, uuids, strict=True)]
    except nvml.NVMLError:  # a GPU that is lost, or not this user's
        return []
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
