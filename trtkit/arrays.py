"""Arrays of other libraries as numpy arrays."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from trtkit.errors import InputError

if TYPE_CHECKING:
    from trtkit.results import Array

__all__ = ["as_array"]


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
