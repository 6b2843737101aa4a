"""Ctrl-C, and other signals to end, while TensorRT works.

Python's signal handlers run in the main thread, between two steps of Python code. While the main thread is inside
TensorRT that is either late, when TensorRT returns, or inside one of its calls back into Python, where the bindings
print an exception and lose it. `careful` is for the second, `call_stoppable` for both.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from trtkit.cuda.device import current_context, make_current

if TYPE_CHECKING:
    from types import CodeType, FrameType

__all__ = ["Stop", "call_stoppable", "careful", "guarded", "keep", "raise_pending"]

_log = logging.getLogger("trtkit.backends.trt.interrupts")

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Handler = Callable[[int, Any], Any]

_POLL = 0.2
"""Seconds after which the main thread looks for signals that the system gave to another thread."""

_guarded: set[CodeType] = set()
_pending: list[BaseException] = []


class Stop:
    """Whether a build shall stop, and how far it is, for all threads.

    Attributes:
        requested: the signal that asked for it, 0 where none did.
        can: whether TensorRT asks for it on its way.
        where: the phase and step, where TensorRT tells them.
    """

    def __init__(self, can: bool) -> None:
        self.requested = 0
        self.can = can
        self.where = ""


def guarded(function: F) -> F:
    """Decorate a function that TensorRT calls, or that calls it: in a block of `careful`, no signal raises in it.

    A `try` in the function cannot do that alone: a signal that arrived before is answered at its very first step.
    """
    _guarded.add(function.__code__)
    return function


def keep(error: BaseException) -> None:
    """Keep an exception that must not reach TensorRT, for `raise_pending`."""
    _pending.append(error)


def raise_pending() -> None:
    """Raise the first exception that was kept from TensorRT, if any."""
    if _pending:
        error = _pending[0]
        _pending.clear()
        raise error


@contextmanager
def careful() -> Iterator[None]:
    """Let signals raise their exceptions in the block as ever, but not inside functions that are `guarded`.

    All are kept, since those that are raised may be lost too: the bindings answer signals on their way to the logger.
    An exception that ends the block is forgotten, the others wait for `raise_pending`. Threads other than the main one
    get no signals, so nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _handlers()
    ours = {number: _answer_outside(handler) for number, handler in before.items()}
    for number, handler in ours.items():
        signal.signal(number, handler)
    try:
        yield
    except BaseException as error:
        _pending[:] = [each for each in _pending if each is not error]
        raise
    finally:
        for number, handler in ours.items():
            if signal.getsignal(number) is handler:  # else the block has put its own there
                signal.signal(number, before[number])


def call_stoppable(call: Callable[[], T], stop: Stop) -> T:
    """Call something of TensorRT's that takes long, and answer signals to end meanwhile.

    In the main thread, `call` runs in a thread of its own, on the same GPU, while the main thread waits. The first
    signal sets `stop.requested`; when the call has ended, the handler that was there before is called, which raises
    KeyboardInterrupt as a rule. At a second signal it is called at once: its exception leaves this function while the
    call goes on, and the process ends without waiting for that. So `call` must hold on to all that it uses.

    Args:
        call: needs no argument; its exception is raised here.
        stop: is told of the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    before = _handlers()
    work = _Work(call)

    def request(number: int, frame: FrameType | None) -> None:
        if stop.requested:
            atexit.register(_leave, work.done, 128 + number)
            before[number](number, frame)
            return
        stop.requested = number
        then = "stopping after this step" if stop.can else "this TensorRT cannot be stopped: ending after this build"
        _log.warning("%s; once more ends at once", then)

    for number in before:
        signal.signal(number, request)
    try:
        return work.result()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if stop.requested and work.done.is_set():
            before[stop.requested](stop.requested, None)


class _Work(Generic[T]):
    """A call in a thread of its own. A daemon: an interpreter that ends does not wait for it.

    Attributes:
        done: set when the call has ended. The thread itself is not asked: if a signal interrupts `Thread.join`, Python
            before 3.13 takes it for ended.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self.done = threading.Event()
        self._results: list[T] = []
        self._errors: list[BaseException] = []
        context = current_context()

        def work() -> None:
            try:
                make_current(context)
                self._results.append(call())
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
                self._errors.append(error)
            finally:
                self.done.set()

        self._thread = threading.Thread(target=work, name="trtkit-build", daemon=True)

    def result(self) -> T:
        """Start the call, wait for it, and return what it returns or raise what it raises."""
        self._thread.start()
        while not self.done.wait(_POLL):
            pass
        self._thread.join()  # it lets go of what the call held
        if self._errors:
            raise self._errors.pop()
        return self._results.pop()


def _handlers() -> dict[int, Handler]:
    """The handlers of the signals to end; those that are left to the system or ignored stay so."""
    found = {int(number): signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    return {number: handler for number, handler in found.items() if callable(handler)}


def _answer_outside(handler: Handler) -> Handler:
    def answer(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        except BaseException as error:
            keep(error)
            if not _inside_guarded(frame):
                raise

    return answer


def _inside_guarded(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in _guarded:
            return True
        frame = frame.f_back
    return False


def _leave(done: threading.Event, code: int) -> None:
    """End the process though a thread is inside TensorRT, which must not come back to an interpreter that is gone."""
    if not done.is_set():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, broken or None
                stream.flush()
        os._exit(code)
