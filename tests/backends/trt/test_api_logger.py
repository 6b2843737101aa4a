"""TensorRT's messages: into the log, or kept for the exception that they explain."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import pytest
from backends.trt.package import needs_tensorrt

from trtkit.backends.trt.api import trt
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


def test_one_logger_for_the_process() -> None:
    assert trt_logger() is trt_logger()
