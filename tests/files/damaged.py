"""Small files by hand, and what reading them says."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trtkit import files
from trtkit.errors import FileError

__all__ = ["b64", "error_of", "npy", "read_all", "safetensors"]


def npy(array: Any = None, **kwargs: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(3, dtype=np.float32) if array is None else array, **kwargs)
    return file.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def safetensors(header: Any, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def error_of(call: Callable[[], Any]) -> str:
    """The message of the FileError, which is one line."""
    try:
        call()
    except FileError as error:  # what pytest.raises gives would keep the file open until garbage is collected
        message = str(error)
    else:
        pytest.fail("nothing was raised")
    assert "\n" not in message
    return message


def read_all(path: str) -> None:
    for iteration in files.read(path).feeds():
        assert iteration is not None
