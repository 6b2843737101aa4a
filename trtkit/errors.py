"""Every error that trtkit raises on purpose, each branch with the exit code the command line gives it.

    TrtkitError
    +-- UsageError            2  the command line, or an argument of a public function, is wrong
    +-- WorkError             3  it could not be carried out
    |   +-- FileError            a file cannot be read, written or understood
    |   +-- ModelError           a model cannot be loaded, edited or run by this backend
    |   +-- InputError           the input data does not fit the model
    |   +-- ScriptError          the user's own script failed
    |   +-- BackendError         the backend failed during inference
    +-- MissingError          4  something is missing on this machine
        +-- MissingPackageError  a Python package
        +-- MissingDeviceError   a GPU or its driver

Whatever else is raised is a bug in trtkit: exit code 5, with a traceback.

A message is one line: what happened, which value, what to do next.
"""

from __future__ import annotations

__all__ = [
    "BackendError",
    "FileError",
    "InputError",
    "MissingDeviceError",
    "MissingError",
    "MissingPackageError",
    "ModelError",
    "ScriptError",
    "TrtkitError",
    "UsageError",
    "WorkError",
    "one_line",
]


class TrtkitError(Exception):
    """Base of all errors that trtkit raises on purpose."""

    exit_code = 5


class UsageError(TrtkitError, ValueError):
    """A command line or an argument that makes no sense, whatever the files hold."""

    exit_code = 2


class WorkError(TrtkitError):
    """The request was understood but could not be carried out."""

    exit_code = 3


class FileError(WorkError):
    """A file that cannot be read, written or understood."""


class ModelError(WorkError):
    """A model that cannot be loaded, edited or run by the chosen backend."""


class InputError(WorkError):
    """Input data that does not fit the model."""


class ScriptError(WorkError):
    """A failure of the user's own script; the message names the line of that script."""


class BackendError(WorkError):
    """A failure inside a backend while it was running a model."""


class MissingError(TrtkitError):
    """Something that this machine lacks."""

    exit_code = 4


class MissingPackageError(MissingError, ImportError):
    """A Python package that is not installed; the message holds the line that installs it."""


class MissingDeviceError(MissingError):
    """A GPU, or its driver, that is not there."""


def one_line(error: BaseException | str, limit: int = 600) -> str:
    """The text of another library's error as one line of at most `limit` characters."""
    text = " ".join(str(error).split())
    if not text and isinstance(error, BaseException):
        text = type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."
