"""Arrays that lie on the GPU, for those who need them on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from trtkit.arrays import DeviceArray, on_device
from trtkit.cuda.base import open_cuda

if TYPE_CHECKING:
    from trtkit.cuda.base import Cuda
    from trtkit.results import Array, Feed

__all__ = ["download", "on_host"]


def on_host(feed: Feed) -> Feed:
    """A feed with all its arrays on the host; itself where they are.

    Raises:
        MissingPackageError: cuda-python is not installed.
        BackendError: they cannot be copied.
    """
    if not on_device(feed):
        return feed
    cuda = open_cuda()
    with cuda.active():
        return {name: _copied(cuda, array) for name, array in feed.items()}


def download(cuda: Cuda, array: DeviceArray) -> Array:
    """A copy on the host, of an array that is complete; inside a block of `cuda.active()`.

    Raises:
        BackendError: it cannot be copied.
    """
    if array.stream:
        cuda.synchronize(array.stream)
    copy: Array = np.empty(array.shape, array.dtype)
    if copy.nbytes:
        cuda.download(copy, array.address, 0)
        cuda.synchronize(0)
    return copy


def _copied(cuda: Cuda, array: Array) -> Array:
    found = cast("Array | DeviceArray", array)  # feeds are typed as what nearly all of them hold
    return download(cuda, found) if isinstance(found, DeviceArray) else array
