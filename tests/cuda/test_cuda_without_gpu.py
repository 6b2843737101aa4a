"""What CUDA's modules say on a machine without a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trtkit.arrays import DeviceArray, as_input, on_device
from trtkit.cuda.base import open_cuda
from trtkit.cuda.device import current_context, gpu_count, make_current, require_gpu
from trtkit.errors import InputError, MissingDeviceError, MissingPackageError

pytestmark = pytest.mark.skipif(gpu_count() > 0, reason="there is a GPU")


@pytest.mark.parametrize("package", ["cuda-python", "pycuda"])
def test_no_gpu(package: str) -> None:
    with pytest.raises((MissingDeviceError, MissingPackageError), match=r"NVIDIA GPU|pip install"):
        open_cuda(package)


def test_what_needs_it_is_said() -> None:
    with pytest.raises(MissingDeviceError, match=r"^Dancing needs an NVIDIA GPU, and .*; walk instead$"):
        require_gpu("Dancing needs", "walk instead")


def test_contexts_do_no_harm() -> None:
    assert current_context() == 0
    make_current(0)


class Foreign:
    """An array as CuPy or Numba would hand it over; the address is never touched."""

    def __init__(self, **more: Any) -> None:
        self.__cuda_array_interface__ = {
            "shape": (2, 3),
            "typestr": "<f4",
            "data": (4096, False),
            "version": 3,
            **more,
        }


@pytest.mark.parametrize(
    ("more", "stream"),
    [({}, 0), ({"strides": (12, 4)}, 0), ({"stream": None}, 0), ({"stream": 1}, 0), ({"stream": 77}, 77)],
    ids=str,
)
def test_arrays_on_a_gpu_stay_there(more: dict[str, Any], stream: int) -> None:
    value = Foreign(**more)
    array = as_input(value, "it")
    assert isinstance(array, DeviceArray)
    assert (array.address, array.shape, array.dtype, array.stream) == (4096, (2, 3), np.dtype("f4"), stream)
    assert array.nbytes == 24
    assert array.owner is value
    assert on_device({"a": np.zeros(1), "b": array})
    assert as_input(array, "it") is array


@pytest.mark.parametrize(
    ("more", "message"),
    [({"strides": (4, 8)}, "not in C order"), ({"mask": object()}, "masked array")],
    ids=["strides", "mask"],
)
def test_arrays_that_cannot_be_used(more: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^it is .*{message}"):
        as_input(Foreign(**more), "it")


@pytest.mark.parametrize(
    ("shape", "strides"), [((2, 0), (7, 7)), ((1, 3), (99, 4)), ((), ())], ids=["empty", "one row", "scalar"]
)
def test_strides_that_do_not_matter(shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    assert isinstance(as_input(Foreign(shape=shape, strides=strides), "it"), DeviceArray)


@pytest.mark.parametrize("value", [[1.0], 1.0, "x", None], ids=str)
def test_what_is_no_array(value: object) -> None:
    with pytest.raises(InputError, match="give a numpy array"):
        as_input(value, "it")
    assert not on_device({"x": value})
