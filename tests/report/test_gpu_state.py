"""Clocks and driver through NVIDIA's management library."""

from __future__ import annotations

import ctypes
import sys

import pytest

from trtkit.cuda.device import gpu_count
from trtkit.cuda.nvml import gpu_state, gpus
from trtkit.timing import GpuState


def test_without_the_package_there_is_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpu_state("0000:18:00.0", "NVIDIA H200") == GpuState("NVIDIA H200")


def test_an_unknown_gpu_has_its_name() -> None:
    """Without a driver the library is missing; with one, it knows no GPU at this place."""
    pytest.importorskip("pynvml")
    assert gpu_state("ffff:ff:1f.0", "none") == GpuState("none")


@pytest.mark.gpu
def test_state_of_the_first_gpu() -> None:
    pytest.importorskip("pynvml")
    driver = ctypes.CDLL("libcuda.so.1")
    place = ctypes.create_string_buffer(32)
    device = ctypes.c_int()
    assert driver.cuInit(0) == 0
    assert driver.cuDeviceGet(ctypes.byref(device), 0) == 0
    assert driver.cuDeviceGetPCIBusId(place, len(place), device) == 0
    state = gpu_state(place.value.decode(), "first")
    assert state.driver is not None
    assert state.uuid is not None
    assert state.uuid.startswith(("GPU-", "MIG-"))
    assert state.sm_clock is not None
    assert state.sm_clock_max is not None
    assert 0 < state.sm_clock <= state.sm_clock_max
    assert state.memory_clock is not None
    assert state.memory_clock_max is not None
    assert 0 < state.memory_clock <= state.memory_clock_max


def test_no_gpus_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpus() == []


def test_gpus_of_this_machine() -> None:
    pytest.importorskip("pynvml")
    found = gpus()
    assert len(found) >= gpu_count() or found == []
    for gpu in found:
        assert gpu.to_data().keys() == {"name", "uuid", "driver"}


@pytest.mark.gpu
def test_the_gpus_say_who_they_are() -> None:
    pytest.importorskip("pynvml")
    assert all(gpu.name and gpu.uuid and gpu.driver for gpu in gpus())
    assert gpus()
