"""From a network and its configuration to an engine, in memory and on disk."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trtkit.atomic import replacing
from trtkit.backends.trt.api import has, title
from trtkit.backends.trt.build_config import BuildConfig, reason
from trtkit.backends.trt.build_turns import build_turn
from trtkit.backends.trt.interrupts import Stop, call_stoppable, raise_pending
from trtkit.backends.trt.logger import Collected, collect
from trtkit.backends.trt.progress import Progress, heartbeat, monitor
from trtkit.cuda.device import gpu_count
from trtkit.errors import MissingDeviceError, ModelError

if TYPE_CHECKING:
    from trtkit.backends.trt.network import Net

__all__ = ["build_engine", "save_engine"]

_log = logging.getLogger(__name__)

_DEVICE = ("cudaError", "CUDA_SUCCESS", "CUDA initialization", "CUDA error", "cuInit")
"""Signs that TensorRT wanted a GPU."""


def build_engine(net: Net, build: BuildConfig, progress: Progress | None = None) -> memoryview:
    """Build the engine.

    Timing cache, tactics and calibration results are saved as the options ask.

    Args:
        net: the network.
        build: its configuration, from `make_config`; it is used up.
        progress: shows how far it is, where TensorRT tells; otherwise a line is logged every ten seconds.

    Returns:
        The serialised engine, bytes in TensorRT's own memory: nothing is copied, and the view keeps it alive.

    Raises:
        ModelError: TensorRT cannot build it; the message has what it says about that.
        MissingDeviceError: it wants a GPU for that, and there is none.
        KeyboardInterrupt: Ctrl-C was pressed: once, after the build's next step, or at its end where TensorRT cannot
            be stopped; a second time, at once, and the process then ends without waiting for TensorRT.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        for cleanup in build.cleanups:
            stack.callback(cleanup)
        plan = _run(net, build, progress)
        for step in build.after:
            step()
    engine = memoryview(plan).cast("B")
    _log.debug("built the engine in %.1f s (%d bytes)", time.monotonic() - began, engine.nbytes)
    return engine


def save_engine(engine: memoryview | bytes, path: str | Path) -> None:
    """Write an engine; the file appears when it is complete.

    Raises:
        FileError: it cannot be written.
        KeyboardInterrupt: Ctrl-C was pressed before, while TensorRT logged.
    """
    raise_pending()
    with replacing(path) as file:
        file.write(engine)


def _run(net: Net, build: BuildConfig, progress: Progress | None) -> Any:
    """The engine in TensorRT's memory."""
    stop = Stop(can=False)
    watcher = None
    if has("IBuilderConfig.progress_monitor") and build.config.progress_monitor is None:  # a script may have its own
        build.config.progress_monitor = watcher = monitor(build, stop, progress)
        stop.can = True
    with collect() as messages:
        with ExitStack() as stack:
            stack.enter_context(build_turn())
            if progress is None or watcher is None:
                stack.enter_context(heartbeat(stop))
            plan = call_stoppable(partial(_build, net.parser, net.network, build.config, net.builder), stop)
        if build.failures:
            raise build.failures[0]
        if plan is None:
            raise _failure(messages)
    return plan


def _build(parser: Any, network: Any, config: Any, builder: Any) -> Any:
    """The build alone. It holds on to all that it uses, the parser's weights too, and lets go in TensorRT's order."""
    return builder.build_serialized_network(network, config)


def _failure(messages: Collected) -> Exception:
    text = reason(messages) or messages.text()
    if any(sign in error for error in messages.errors for sign in _DEVICE) and not gpu_count():
        return MissingDeviceError(
            f"{title()} needs an NVIDIA GPU with its driver to build this engine, and finds none: {text}"
        )
    return ModelError(f"{title()} cannot build the engine: {text}")
