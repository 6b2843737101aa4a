"""The connection to a Ray cluster: found or told why not, and what its machines have."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from trtkit.errors import MissingError, one_line
from trtkit.suite.ray_options import check_address

__all__ = ["Machines", "connected", "fits"]

_ANSWER = 5.0
"""Seconds within which a cluster's port has to answer. Ray itself would wait for minutes."""

_FRESH = 2.0
"""Seconds for which what is known of the machines is taken to be true."""


@contextmanager
def connected(ray: Any, address: str | None) -> Iterator[None]:
    """Be connected to a cluster; a connection that is there already is used, and left open.

    Args:
        ray: the package.
        address: `host:port`; None for RAY_ADDRESS, or the cluster that runs on this machine.

    Raises:
        UsageError: the address makes no sense.
        MissingError: no cluster answers, or it has another version of Python or Ray.
    """
    if ray.is_initialized():
        yield
        return
    where = address or os.environ.get("RAY_ADDRESS") or "auto"
    check_address(where, "--ray-address" if address else "RAY_ADDRESS")
    listens = where if where != "auto" else _last_started()
    if listens is not None:
        _check_answer(listens)
    with _other_threads_write_to_stderr():
        with _signals_kept():
            try:
                ray.init(address=where, log_to_driver=False, logging_level=logging.CRITICAL)
            except Exception as error:  # RuntimeError, ConnectionError, ValueError; an RpcError of a private module
                raise MissingError(_why_not(where, error)) from error
        try:
            yield
        finally:
            ray.shutdown()


class Machines:
    """What the machines of a cluster have, asked for anew every other second.

    Args:
        ray: the package, connected.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._asked = 0.0
        self._known: Sequence[tuple[str, Mapping[str, float]]] = ()

    def alive(self) -> Sequence[tuple[str, Mapping[str, float]]]:
        """Each machine by its id, with all that it has, in use or not."""
        if time.monotonic() - self._asked > _FRESH:
            nodes = self._ray.nodes()
            self._known = [(node["NodeID"], node.get("Resources", {})) for node in nodes if node["Alive"]]
            self._asked = time.monotonic()
        return self._known


def fits(needs: Mapping[str, float], has: Mapping[str, float]) -> int:
    """How many tasks with these needs a machine has room for when it is empty."""
    return min((int(has.get(name, 0) / amount + 1e-9) for name, amount in needs.items() if amount), default=0)


def _last_started() -> str | None:
    """The address of the cluster that was last started on this machine, where Ray looks for it; it may be gone."""
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    try:
        return Path(folder, "ray", "ray_current_cluster").read_text().strip() or None
    except OSError:
        return None


def _check_answer(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER).close()
    except (OSError, OverflowError, ValueError) as error:
        raise MissingError(
            f"no Ray cluster answers at {address}: {one_line(error)}; start one with 'ray start --head', or name "
            "another with --ray-address"
        ) from error


def _why_not(address: str, error: Exception) -> str:
    text = one_line(error)
    if text.startswith("Version mismatch"):
        return f"{text}; run trtkit with the Python and the Ray of the cluster"
    if address == "auto" and isinstance(error, ConnectionError):
        return "no Ray cluster runs on this machine; start one with 'ray start --head', or name one with --ray-address"
    return f"cannot connect to the Ray cluster at {address}: {text}"


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes over SIGTERM of the process that connects; what was there before is put back."""
    here = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)} if here else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _other_threads_write_to_stderr() -> Iterator[None]:
    """Ray prints what happens in the cluster to standard output, where results are alone; from a thread of its own."""
    diverted = _Diverted(sys.stdout, threading.get_ident())
    before, sys.stdout = sys.stdout, diverted
    try:
        yield
    finally:
        if sys.stdout is diverted:
            sys.stdout = before


class _Diverted:
    """A stream that is written to by one thread; what others write goes to standard error."""

    def __init__(self, stream: TextIO, thread: int) -> None:
        self._stream, self._thread = stream, thread

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream if threading.get_ident() == self._thread else sys.stderr, name)
