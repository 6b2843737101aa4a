"""What happens on a machine of a Ray cluster: a task in a process of its own, with the files that the machine lacks.

The worker itself imports little and computes nothing, so that it survives whatever the job does.
"""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from trtkit.errors import TrtkitError, one_line
from trtkit.suite.executor import Ended, Task
from trtkit.suite.file_cache import FileCache, default_folder
from trtkit.suite.parcels import Parcel, as_named_here, moved
from trtkit.suite.process import Child

__all__ = ["Order", "carry_out"]

_CHUNK = 8 << 20
"""Bytes of a file that travel at once; with two on their way, a fetch holds no more than three times that."""

_ASIDE = ("sh", "-c", 'exec 3<&0; "$@" <&3 3<&- & exec 3<&-; wait $!', "sh")
"""Puts a shell between worker and keeper. Ray kills the children of a worker that ends at once. The keeper, which is a
grandchild, finds its standard input closed, ends the job with all that it started, and removes its folder."""

Read = Callable[[str, int, int], Any]
"""Starts to read so many bytes of a file, on the machine that the suite runs on, from an offset."""


@dataclass(frozen=True)
class Order:
    """What the driver sends.

    Attributes:
        task: what to do; its paths are those of the driver's machine.
        parcels: the files that it reads.
        cwd: the job's current folder, where this machine has it; else the job gets an empty one.
        cache: the folder for files that this machine lacks; None for the default one.
    """

    task: Task
    parcels: Sequence[Parcel]
    cwd: str
    cache: str | None = None


def carry_out(order: bytes, read: Read, get: Callable[[Any], bytes]) -> Ended:
    """Carry out a pickled `Order`.

    Args:
        order: comes from the driver, which has the same version of trtkit.
        read: begins to read a piece of a file of the driver's machine.
        get: waits for what `read` began.

    Returns:
        What became of the task; "lost" where its files could not be had, so that it was not started.
    """
    wanted = pickle.loads(order)
    assert isinstance(wanted, Order)
    folder = tempfile.mkdtemp(prefix="trtkit-job-")
    try:
        return _carried_out(wanted, folder, lambda path: _pieces(path, read, get))
    except (TrtkitError, OSError) as error:
        return Ended(wanted.task.key, "lost", None, one_line(error), host=socket.gethostname())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _carried_out(order: Order, folder: str, fetch: Callable[[str], Iterator[bytes]]) -> Ended:
    cache = FileCache(order.cache or default_folder(), fetch)
    places, folders = {}, {}
    for parcel in order.parcels:
        place = cache.place(parcel)
        if place is not None:
            places[parcel.named] = str(place / PurePosixPath(parcel.named).name)
            folders[str(place)] = parcel.folder
    task = replace(order.task, plan=moved(order.task.plan, places))
    # Ray tells by CUDA_VISIBLE_DEVICES which GPUs it lends, but leaves all visible to a task that asks for none.
    environment = {} if task.gpus else {"CUDA_VISIBLE_DEVICES": ""}
    cwd = order.cwd
    if not os.path.isdir(cwd):
        cwd = os.path.join(folder, "cwd")
        os.mkdir(cwd)
    child = Child(task, folder, environment, cwd, through=_ASIDE)
    try:
        ended = child.wait(1.0)
        while ended is None:  # Ray cancels by an exception between two statements
            ended = child.wait(1.0)
    finally:
        child.kill()
    return as_named_here(ended, folders)


def _pieces(path: str, read: Read, get: Callable[[Any], bytes]) -> Iterator[bytes]:
    """A file of the driver's machine, the next piece on its way while one is used."""
    offset = 0
    coming = read(path, 0, _CHUNK)
    while True:
        offset += _CHUNK
        following = read(path, offset, _CHUNK)
        piece = get(coming)
        if not piece:
            return
        yield piece
        coming = following
