"""Progress of a build, and signs of life where TensorRT tells nothing of its progress."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from trtkit.backends.trt.api import trt
from trtkit.backends.trt.build_config import BuildConfig
from trtkit.backends.trt.interrupts import Stop

__all__ = ["HEARTBEAT", "Progress", "heartbeat", "monitor"]

_log = logging.getLogger(__name__)

HEARTBEAT = 10.0
"""Seconds between two signs of life."""


class Progress(Protocol):
    """Shows how far a build is. Phases are nested: `parent` is an empty text for the outermost one."""

    def start(self, phase: str, parent: str, steps: int) -> None:
        """A phase of so many steps begins."""

    def step(self, phase: str, done: int) -> None:
        """So many steps of a phase are done."""

    def finish(self, phase: str) -> None:
        """A phase ends, complete or not."""


def monitor(build: BuildConfig, stop: Stop, progress: Progress | None) -> Any:
    """An `IProgressMonitor` that shows progress and stops the build; only where `has("IProgressMonitor")`."""
    base: Any = trt().IProgressMonitor
    steps: dict[str, int] = {}

    class Monitor(base):  # type: ignore[misc]  # a base class that is known at run time only
        """Called by TensorRT on its way, maybe from several threads."""

        def __init__(self) -> None:
            base.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            """A phase begins."""
            steps[phase_name] = num_steps
            stop.where = phase_name
            if progress is not None:
                with build.callback():
                    progress.start(phase_name, parent_phase or "", num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            """One more step is done; whether to go on."""
            stop.where = f"{phase_name} {step + 1}/{steps.get(phase_name, 0)}"
            if progress is not None:
                with build.callback():
                    progress.step(phase_name, step + 1)
            return not stop.requested and not build.failures

        def phase_finish(self, phase_name: str) -> None:
            """A phase ends."""
            if progress is not None:
                with build.callback():
                    progress.finish(phase_name)

    return Monitor()


@contextmanager
def heartbeat(stop: Stop, interval: float = HEARTBEAT) -> Iterator[None]:
    """Log a line every `interval` seconds, so that a long build is seen to be alive."""
    done = threading.Event()
    began = time.monotonic()

    def beat() -> None:
        while not done.wait(interval):
            where = f": {stop.where}" if stop.where else ""
            _log.info("building the engine for %.0f s%s", time.monotonic() - began, where)

    thread = threading.Thread(target=beat, name="trtkit-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
