"""One build at a time on each GPU of a machine.

TensorRT chooses tactics by timing them, so builds that share a GPU spoil each other's choice. Jobs of suites take
turns, of all suites on the machine together. `trtkit run` and `convert` by themselves do not wait for anybody.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trtkit.cuda.device import current_device, gpu_count

__all__ = ["alone_on", "build_turn", "take_turns"]

_log = logging.getLogger(__name__)

_PLACE = Path("/tmp")
"""The same for every user and process, whatever TMPDIR says there."""

_taking_turns = False


def take_turns() -> None:
    """Have this process wait, from now on, while another one that takes turns builds on the same GPU."""
    global _taking_turns
    _taking_turns = True


@contextmanager
def build_turn() -> Iterator[None]:
    """A build on this thread's GPU; alone on it where this process takes turns. Without a GPU nothing is timed."""
    if not _taking_turns or not gpu_count():
        yield
        return
    with alone_on(current_device().uuid):
        yield


@contextmanager
def alone_on(gpu: str, place: Path = _PLACE) -> Iterator[None]:
    """Wait for the turn on a GPU, and keep it for the block; the kernel gives it back for a process that dies.

    Args:
        gpu: its UUID.
        place: a folder that all share.
    """
    path = place / f"trtkit-build-{gpu}.lock"
    # Read-only: a lock needs no more, and the file may be another user's, which the kernel refuses to "create" again.
    new = 0 if path.exists() else os.O_CREAT
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | new, 0o644)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("waiting for another build on %s", gpu)
            fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
