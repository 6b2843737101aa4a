"""The GPUs of this machine, asked of NVIDIA's driver itself: no package is needed for that.

Facts of the driver's C interface are from NVIDIA's CUDA Driver API.
"""

from __future__ import annotations

import ctypes
import uuid
from functools import cache, lru_cache
from typing import Any

from trtkit.errors import BackendError, MissingDeviceError

__all__ = [
    "Current",
    "Device",
    "current_context",
    "current_device",
    "gpu_count",
    "make_current",
    "owner",
    "primary_context",
    "require_gpu",
]

_TEXT = 256

_NO_DRIVER = "there is no NVIDIA driver (libcuda.so.1)"

_REASONS = {
    35: "the NVIDIA driver is older than this CUDA",
    100: "the NVIDIA driver finds no GPU (is one hidden by CUDA_VISIBLE_DEVICES?)",
    803: "the NVIDIA driver does not fit the driver library",
    804: "the NVIDIA driver does not support this GPU with this CUDA",
}
"""What the driver's codes at its start mean for a user."""


@lru_cache(maxsize=1)
def _start() -> tuple[Any, int, str]:
    """The driver's library, the number of GPUs, and why there are none."""
    try:
        driver: Any = ctypes.CDLL("libcuda.so.1")
        init, count_devices = driver.cuInit, driver.cuDeviceGetCount
    except (OSError, AttributeError):  # no driver; a stand-in without functions
        return None, 0, _NO_DRIVER
    status = init(0)
    count = ctypes.c_int(0)
    if status == 0:
        status = count_devices(ctypes.byref(count))
    if status != 0:
        return driver, 0, _REASONS.get(status, f"the NVIDIA driver does not start (CUDA error {status})")
    return driver, count.value, "" if count.value else _REASONS[100]


def gpu_count() -> int:
    """How many GPUs this process may use; 0 without a driver."""
    return _start()[1]


def require_gpu(what: str, instead: str = "") -> None:
    """Stop where there is no GPU.

    Args:
        what: what needs one, as the beginning of a sentence: `TensorRT runs models on`.
        instead: what can be done without one, as a clause.

    Raises:
        MissingDeviceError: there is none; the message says what the driver says.
    """
    _, count, why = _start()
    if not count:
        text = f"; {instead}" if instead else ""
        raise MissingDeviceError(f"{what} an NVIDIA GPU, and this machine has none that works: {why}{text}")


def current_context() -> int:
    """The CUDA context of this thread, 0 where there is none or no driver."""
    driver = _start()[0]
    if driver is None:
        return 0
    context = ctypes.c_void_p()
    driver.cuCtxGetCurrent(ctypes.byref(context))
    return context.value or 0


def make_current(context: int) -> None:
    """Give this thread a context; 0 leaves it as it is."""
    driver = _start()[0]
    if context and driver is not None:
        driver.cuCtxSetCurrent(ctypes.c_void_p(context))


def current_device() -> Device:
    """The GPU of this thread's context; the first one where it has none."""
    driver = _start()[0]
    number = ctypes.c_int(0)
    if current_context():
        driver.cuCtxGetDevice(ctypes.byref(number))
    return Device(number.value)


def owner(address: int) -> int:
    """The context that memory on a GPU belongs to; 0 where the driver does not know the address."""
    driver = _start()[0]
    context = ctypes.c_void_p()
    attribute_context = 1
    driver.cuPointerGetAttribute(ctypes.byref(context), attribute_context, ctypes.c_uint64(address))
    return context.value or 0


class Device:
    """One GPU.

    Attributes:
        index: its number in this process, from 0.
    """

    def __init__(self, index: int) -> None:
        self.index = index

    @property
    def name(self) -> str:
        """Such as `NVIDIA H200`."""
        return self._text("cuDeviceGetName")

    @property
    def pci_bus_id(self) -> str:
        """Such as `0000:00:06.0`, which is the same for every library and process."""
        return self._text("cuDeviceGetPCIBusId")

    @property
    def uuid(self) -> str:
        """Such as `GPU-6a2b2f1e-0c4d-...`, as nvidia-smi has it; of a part of a GPU (MIG) that part's own."""
        driver = _start()[0]
        # The second version, of drivers since 470, knows parts of GPUs.
        name = "cuDeviceGetUuid_v2" if hasattr(driver, "cuDeviceGetUuid_v2") else "cuDeviceGetUuid"
        buffer = (ctypes.c_ubyte * 16)()
        _check(getattr(driver, name)(ctypes.byref(buffer), self.index), name)
        return f"GPU-{uuid.UUID(bytes=bytes(buffer))}"

    def _text(self, function: str) -> str:
        buffer = ctypes.create_string_buffer(_TEXT)
        _check(getattr(_start()[0], function)(buffer, _TEXT, self.index), function)
        return buffer.value.decode(errors="replace")


@cache
def primary_context(index: int) -> int:
    """The handle of a GPU's primary context, the one that CUDA's runtime and PyTorch use. It is not made current.

    It is kept until the process ends, as CUDA's runtime keeps it: TensorRT and others have state in it, which would be
    lost with the last one that lets go.

    Raises:
        BackendError: the driver refuses.
    """
    driver = _start()[0]
    context = ctypes.c_void_p()
    _check(driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), index), "cuDevicePrimaryCtxRetain")
    return context.value or 0


class Current:
    """Makes a context current in a `with` block, and the one before current again; costs next to nothing where it is
    current already. Blocks may be nested; a second thread may have one when the first has left its own."""

    def __init__(self, context: int) -> None:
        self._context = context
        self._driver = _start()[0]
        self._pushed: list[bool] = []
        self._found = ctypes.c_void_p()
        self._where = ctypes.byref(self._found)
        self._get = self._driver.cuCtxGetCurrent

    def __enter__(self) -> None:
        self._get(self._where)
        push = self._found.value != self._context
        if push:
            _check(self._driver.cuCtxPushCurrent_v2(ctypes.c_void_p(self._context)), "cuCtxPushCurrent")
        self._pushed.append(push)

    def __exit__(self, *exc: object) -> None:
        if self._pushed.pop():
            self._driver.cuCtxPopCurrent_v2(self._where)


def _check(status: int, function: str) -> None:
    if status != 0:
        name = ctypes.c_char_p()
        _start()[0].cuGetErrorName(status, ctypes.byref(name))
        text = name.value.decode() if name.value else f"error {status}"
        raise BackendError(f"CUDA's {function} failed: {text}")
