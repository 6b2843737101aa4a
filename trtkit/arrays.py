"""Arrays of other libraries as numpy arrays, and arrays that lie on a GPU as they are."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trtkit.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from trtkit.results import Array
    from trtkit.tensors import Sizes

__all__ = ["DeviceArray", "as_array", "as_input", "on_device"]


@dataclass(frozen=True, eq=False)
class DeviceArray:
    """A C-contiguous array in the memory of a GPU.

    Attributes:
        address: where it begins.
        shape: its sizes.
        dtype: numpy's type of its elements.
        stream: handle of the CUDA stream in which it is still being written; 0 where there is none, or where it is the
            legacy default stream, which other streams wait for by themselves.
        owner: what keeps the memory.
    """

    address: int
    shape: Sizes
    dtype: np.dtype[Any]
    stream: int
    owner: Any

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        import math

        return math.prod(self.shape) * self.dtype.itemsize


def as_array(value: Any, where: str) -> Array:
    """A numpy array or scalar, or a PyTorch tensor, as a numpy array; its memory is shared where it can be.

    PyTorch is not imported for this: who hands over a tensor has it loaded.

    Args:
        value: the array. Lists and Python numbers are refused, since they do not say their type.
        where: what it is, for the error message.

    Raises:
        InputError: it is something else.
    """
    import numpy as np

    if isinstance(value, (np.ndarray, np.generic)):
        return np.asarray(value)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _from_torch(value.detach().cpu(), torch)
    raise InputError(
        f"{where} is a {type(value).__name__}; give a numpy array of the model's type, such as numpy.float32([...])"
    )


def as_input(value: Any, where: str) -> Array | DeviceArray:
    """As `as_array`, but what lies on a GPU stays there: PyTorch's CUDA tensors, and whatever has the attribute
    `__cuda_array_interface__` (CuPy, Numba, PyCUDA).

    Raises:
        InputError: it is something else, or its elements on the GPU are not in C order.
    """
    import numpy as np

    if isinstance(value, (np.ndarray, np.generic)):
        return as_array(value, where)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _from_torch_cuda(value, torch, where) if value.is_cuda else as_array(value, where)
    if isinstance(value, DeviceArray):
        return value
    interface = getattr(value, "__cuda_array_interface__", None)
    if isinstance(interface, Mapping):
        return _from_interface(value, interface, where)
    return as_array(value, where)


def on_device(arrays: Mapping[str, Any]) -> bool:
    """Whether some of the arrays lie on a GPU."""
    return any(isinstance(array, DeviceArray) for array in arrays.values())


def _from_interface(value: Any, interface: Mapping[str, Any], where: str) -> DeviceArray:
    """Reads versions 0 to 3 of the CUDA Array Interface, which Numba's documentation defines."""
    import numpy as np

    dtype = np.dtype(interface["typestr"])
    shape = tuple(int(size) for size in interface["shape"])
    strides = interface.get("strides")
    if interface.get("mask") is not None:
        raise InputError(f"{where} is a masked array on the GPU; fill it first")
    if strides is not None and not _in_c_order(shape, strides, dtype.itemsize):
        raise InputError(f"{where} is an array on the GPU that is not in C order; make it contiguous first")
    stream = int(interface.get("stream") or 0)
    legacy_default = 1
    return DeviceArray(int(interface["data"][0]), shape, dtype, 0 if stream == legacy_default else stream, value)


def _in_c_order(shape: Sizes, strides: Any, itemsize: int) -> bool:
    if 0 in shape:
        return True
    expected = itemsize
    for size, stride in zip(reversed(shape), reversed(tuple(strides)), strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def _from_torch_cuda(tensor: Any, torch: Any, where: str) -> DeviceArray:
    """A CUDA tensor in place. PyTorch's own interface refuses types that numpy lacks, and tensors with gradients."""
    from trtkit.dtypes import DTYPES, numpy_dtype

    name = str(tensor.dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise InputError(f"{where} is a tensor of {tensor.dtype}, which trtkit does not know")
    if not tensor.is_contiguous():
        raise InputError(f"{where} is a tensor on the GPU that is not contiguous; call contiguous() first")
    stream = int(torch.cuda.current_stream(tensor.device).cuda_stream)
    return DeviceArray(tensor.data_ptr(), tuple(tensor.shape), numpy_dtype(name), stream, tensor)


def _from_torch(tensor: Any, torch: Any) -> Array:
    """A tensor on the CPU as an array; types that numpy lacks go through their bits."""
    from trtkit.dtypes import DTYPES, numpy_dtype

    row = DTYPES.get(str(tensor.dtype).removeprefix("torch."))
    if row is not None and row.extended:
        bits = torch.int16 if row.bits == 16 else torch.uint8
        raw: Array = tensor.contiguous().view(bits).numpy()
        return raw.view(numpy_dtype(row.name))
    array: Array = tensor.numpy()
    return array
