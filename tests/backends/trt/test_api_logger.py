"""TensorRT's messages: into the log, or kept for the exception that they explain."""

from __future__ import annotations

import _thread
import collections
import functools
import logging
import signal
import uuid
from collections.abc import Iterator
from contextlib import nullcontext, suppress

import pytest
from backends.trt.package import needs_tensorrt

from trtkit.backends.trt.api import trt
from trtkit.backends.trt.interrupts import raise_pending
from trtkit.backends.trt.logger import collect, last_errors, trt_logger
from trtkit.errors import ModelError

pytestmark = needs_tensorrt

NAME = "trtkit.backends.trt"


@pytest.fixture
def text() -> str:
    """A message that no other test has logged: warnings are said once."""
    return f"message {uuid.uuid4()}"


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logging.getLogger("trtkit"), "propagate", True)
    with caplog.at_level(1, NAME):
        yield


@pytest.mark.parametrize(
    ("severity", "level"),
    [("ERROR", logging.ERROR), ("INTERNAL_ERROR", logging.ERROR), ("WARNING", logging.WARNING), ("INFO", 10)],
)
def test_levels(severity: str, level: int, text: str, caplog: pytest.LogCaptureFixture) -> None:
    trt_logger().log(getattr(trt().ILogger.Severity, severity), text)
    assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [(NAME, level, text)]


def test_verbose_messages_are_below_debug(text: str, caplog: pytest.LogCaptureFixture) -> None:
    trt_logger().log(trt().ILogger.VERBOSE, text)
    assert [record.levelno for record in caplog.records] == [5]


def test_a_warning_is_said_once(text: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        trt_logger().log(trt().ILogger.WARNING, f"ModelImporter.cpp:12: {text}")
    assert [record.getMessage() for record in caplog.records] == [text]


def test_collected_errors_go_into_the_exception(text: str, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        with collect() as messages:
            for _ in range(2):
                trt_logger().log(trt().ILogger.ERROR, f"{text}\n  on two lines")
            raise ModelError(messages.text())

    with pytest.raises(ModelError, match=f"^{text} on two lines$"):
        fail()
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}
    assert last_errors()[-1] == f"{text} on two lines"


def test_collected_errors_of_what_went_well_are_errors_all_the_same(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with collect() as messages:
        trt_logger().log(trt().ILogger.ERROR, text)
        assert caplog.records == []
    assert messages.errors == [text]
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.ERROR, text)]


def test_many_errors_are_counted() -> None:
    with collect() as messages:
        for word in "abcde":
            trt_logger().log(trt().ILogger.ERROR, word)
    assert messages.text() == "a; b; c; and 2 more messages"


def test_no_reason() -> None:
    with collect() as messages:
        assert messages.text() == "TensorRT gave no reason"


NO_DRIVER = [
    "[checkMacros.cpp::catchCudaError::250] Error Code 1: Cuda Runtime (In catchCudaError at checkMacros.cpp:250 "
    "(cudaError 35: CUDA driver version is insufficient for CUDA runtime version))",
    "Thread context has not been set!",
]


@pytest.mark.parametrize("message", NO_DRIVER, ids=["driver", "context"])
@pytest.mark.parametrize("collected", [False, True])
def test_a_missing_driver_is_no_error(message: str, collected: bool, caplog: pytest.LogCaptureFixture) -> None:
    with collect() if collected else nullcontext():
        trt_logger().log(trt().ILogger.ERROR, message)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.DEBUG, message)]


def test_an_exception_of_a_gpu_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    trt_logger().log(trt().ILogger.ERROR, NO_DRIVER[0].replace("cudaError 35", "cudaError 2"))
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_missing_driver_is_a_reason_where_there_is_no_other(text: str) -> None:
    with collect() as messages:
        trt_logger().log(trt().ILogger.ERROR, NO_DRIVER[0])
        assert messages.text().startswith("[checkMacros")
        trt_logger().log(trt().ILogger.ERROR, text)
        assert messages.text() == text


class Raising(logging.Handler):
    """Fails at each message."""

    def emit(self, record: logging.LogRecord) -> None:
        raise ZeroDivisionError


@pytest.fixture
def raising() -> Iterator[None]:
    handler = Raising()
    logging.getLogger(NAME).addHandler(handler)
    yield
    logging.getLogger(NAME).removeHandler(handler)


@pytest.mark.usefixtures("raising")
def test_no_exception_reaches_tensorrt(text: str) -> None:
    """It would be printed and lost there."""

    def work() -> None:
        with collect():
            trt_logger().log(trt().ILogger.WARNING, text)
            reached.append(1)

    reached: list[int] = []
    with pytest.raises(ZeroDivisionError):
        work()
    assert reached == [1]
    raise_pending()  # nothing is left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_a_signal_is_answered_after_the_message(number: signal.Signals, text: str) -> None:
    """One that arrived inside TensorRT is answered at the first step of the logger, before any `try` in it."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt(number)

    def work() -> None:
        with collect() as messages:
            calls = [
                functools.partial(_thread.interrupt_main, number),
                functools.partial(trt_logger().log, trt().ILogger.ERROR, text),
            ]
            collections.deque(map(functools.partial.__call__, calls), maxlen=0)  # no step of Python in between
            taken.extend(messages.errors)

    taken: list[str] = []
    before = signal.signal(number, stop)
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            work()
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)
    assert taken == [text]
    assert caught.value.args == (number,)


def test_a_signal_that_was_lost_is_answered_at_the_end() -> None:
    """The bindings answer signals before they call the logger, and print what is raised."""

    def work() -> None:
        with collect():
            with suppress(KeyboardInterrupt):  # in place of the bindings
                signal.raise_signal(signal.SIGINT)
            reached.append(1)

    reached: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == [1]


def test_a_signal_outside_the_logger_is_answered_at_once() -> None:
    def work() -> None:
        with collect():
            signal.raise_signal(signal.SIGINT)
            pytest.fail("it went on")

    with pytest.raises(KeyboardInterrupt):
        work()
    raise_pending()  # nothing is left


def test_one_logger_for_the_process() -> None:
    assert trt_logger() is trt_logger()
