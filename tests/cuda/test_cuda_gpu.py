"""CUDA on a GPU, through both packages."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from gpu_arrays import free_memory, on_gpu

from trtkit.arrays import DeviceArray, as_input
from trtkit.cuda.arrays import on_host
from trtkit.cuda.base import PACKAGES, Cuda, open_cuda
from trtkit.cuda.device import current_context, current_device
from trtkit.errors import BackendError, InputError
from trtkit.results import Array, Feed

pytestmark = pytest.mark.gpu


def feed(array: Any) -> Feed:
    return {"x": array}


@pytest.fixture(params=PACKAGES)
def cuda(request: pytest.FixtureRequest) -> Cuda:
    if request.param == "pycuda":
        pytest.importorskip("pycuda", reason="pycuda is not installed")
    else:
        pytest.importorskip("cuda.bindings", reason="cuda-python is not installed")
    return open_cuda(request.param)


ARRAYS = {
    "float32": np.arange(1000, dtype=np.float32),
    "bfloat16": np.arange(12).astype(ml_dtypes.bfloat16).reshape(3, 4),
    "bool": np.array([[True, False]]),
    "scalar": np.array(7, np.int64),
    "big": np.arange(3 << 20, dtype=np.uint8),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_there_and_back(cuda: Cuda, array: Array) -> None:
    with cuda.active():
        stream = cuda.create_stream()
        first, second = cuda.allocate(array.nbytes), cuda.allocate(array.nbytes)
        cuda.upload(first, array, stream)
        cuda.copy(second, first, array.nbytes, stream)
        back = np.empty_like(array)
        cuda.download(back, second, stream)
        cuda.synchronize(stream)
        for address in (first, second):
            cuda.free(address)
        cuda.destroy_stream(stream)
    np.testing.assert_array_equal(back, array)


def test_pinned_memory(cuda: Cuda) -> None:
    with cuda.active():
        pinned = cuda.allocate_pinned(1 << 20)
        pinned[:] = 7
        address = cuda.allocate(1 << 20)
        cuda.upload(address, pinned, 0)
        cuda.synchronize(0)
        pinned[:] = 0
        cuda.download(pinned, address, 0)
        cuda.synchronize(0)
        assert (pinned == 7).all()
        cuda.free(address)
        cuda.free_pinned(pinned)


def test_events(cuda: Cuda) -> None:
    with cuda.active():
        stream, size = cuda.create_stream(), 1 << 28
        start, end, address = cuda.create_event(), cuda.create_event(), cuda.allocate(size)
        cuda.record(start, stream)
        cuda.copy(address, address + size // 2, size // 2, stream)
        cuda.record(end, stream)
        cuda.synchronize(stream)
        assert 1e-6 < cuda.elapsed(start, end) < 1
        cuda.free(address)
        for event in (start, end):
            cuda.destroy_event(event)
        cuda.destroy_stream(stream)


def test_too_much_memory_is_named_and_does_not_spoil_what_follows(cuda: Cuda) -> None:
    with cuda.active():
        with pytest.raises(BackendError, match=r"(?i)cudaErrorMemoryAllocation|out of memory") as caught:
            cuda.allocate(1 << 60)
        assert "\n" not in str(caught.value)
        cuda.free(cuda.allocate(100))


def test_in_a_second_thread(cuda: Cuda) -> None:
    """Memory of one thread serves another, and a thread is left with the context that it had."""
    array, back = np.arange(100, dtype=np.int32), np.zeros(100, np.int32)
    failures: list[Exception] = []
    with cuda.active():
        address = cuda.allocate(array.nbytes)
        cuda.upload(address, array, 0)
        cuda.synchronize(0)

    def work() -> None:
        try:
            before = current_context()
            with cuda.active():
                mine = cuda.allocate(array.nbytes)
                cuda.copy(mine, address, array.nbytes, 0)
                cuda.download(back, mine, 0)
                cuda.synchronize(0)
                cuda.free(mine)
            assert current_context() == before
        except Exception as error:  # noqa: BLE001 - shown by the test itself
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failures
    np.testing.assert_array_equal(back, array)
    with cuda.active():
        cuda.free(address)


def test_another_context_of_the_thread_is_left_alone() -> None:
    """PyCUDA's usual context is one of its own, not the primary one."""
    driver = pytest.importorskip("pycuda.driver", reason="pycuda is not installed")
    driver.init()
    own = driver.Device(0).make_context()
    try:
        theirs = current_context()
        cuda = open_cuda()
        with cuda.active():
            assert current_context() != theirs
            cuda.free(cuda.allocate(10))
        assert current_context() == theirs
    finally:
        own.pop()
        own.detach()


@pytest.mark.alone
def test_everything_is_given_back(cuda: Cuda) -> None:
    with cuda.active():
        cuda.free(cuda.allocate(1))
        before = free_memory()
        for _ in range(3):
            cuda.free(cuda.allocate(1 << 28))
        assert free_memory() == before


def test_arrays_of_other_libraries() -> None:
    x = np.arange(12, dtype=np.float16).reshape(3, 4)
    with on_gpu(x) as (array,):
        taken = as_input(array, "it")
        assert isinstance(taken, DeviceArray)
        assert (taken.address, taken.shape, taken.dtype, taken.nbytes) == (array.address, (3, 4), x.dtype, 24)
        np.testing.assert_array_equal(on_host(feed(taken))["x"], x)
        array.__cuda_array_interface__["strides"] = (2, 6)
        with pytest.raises(InputError, match="it is an array on the GPU that is not in C order"):
            as_input(array, "it")


def test_arrays_of_pycuda() -> None:
    driver = pytest.importorskip("pycuda.driver", reason="pycuda is not installed")
    gpuarray = pytest.importorskip("pycuda.gpuarray")
    driver.init()
    own = driver.Device(0).make_context()
    try:
        x = np.arange(5, dtype=np.float32)
        theirs = gpuarray.to_gpu(x)
        np.testing.assert_array_equal(on_host(feed(as_input(theirs, "it")))["x"], x)
        del theirs
    finally:
        own.pop()
        own.detach()


def test_the_gpu_says_what_it_is() -> None:
    device = current_device()
    assert device.name
    assert device.pci_bus_id.count(":") == 2


@pytest.mark.parametrize("package", PACKAGES)
def test_a_hidden_gpu_is_exit_4(package: str) -> None:
    program = f"from trtkit.cuda.base import open_cuda\nopen_cuda({package!r})"
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert "MissingDeviceError: This needs an NVIDIA GPU, and this machine has none that works" in done.stderr
    assert "CUDA_VISIBLE_DEVICES" in done.stderr
