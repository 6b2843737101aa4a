"""Timing caches: kernel timings of earlier builds, in a file that several processes may add to at the same time."""

from __future__ import annotations

import fcntl
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trtkit.atomic import replacing, write_errors
from trtkit.backends.trt.api import title
from trtkit.backends.trt.build_config import BuildConfig
from trtkit.backends.trt.logger import collect
from trtkit.backends.trt.setters import switch
from trtkit.errors import FileError, ModelError
from trtkit.suggest import near_files

__all__ = ["error_on_miss", "load_timing_cache", "locked", "save_later"]

_log = logging.getLogger(__name__)

_LOAD, _SAVE = "--load-timing-cache", "--save-timing-cache"


def load_timing_cache(build: BuildConfig, path: Path, flag: str) -> None:
    """Start from the timings in a file.

    A file that is missing is an empty cache where the timings are to be saved there again, as in the first of many
    builds; otherwise it is a mistake.

    Raises:
        FileError: the file is missing, or holds no timings that this release reads.
        ModelError: the timings are another GPU's, or this package keeps none.
    """
    _quietly(build.config.get_timing_cache, flag)
    if not path.is_file():
        if path != build.options.save_timing_cache:
            raise FileError(f"{flag}: there is no timing cache {str(path)!r}{near_files(path)}")
        _log.info("there is no timing cache %s yet; starting without timings", path)
    _use(build, _read(build, path, flag), flag)


def save_later(build: BuildConfig, path: Path) -> None:
    """Add the timings of this build to those of a file, after the build.

    What stands in the way is found before the build: a file that cannot be read or belongs to another GPU.

    Raises:
        FileError: as `load_timing_cache`.
        ModelError: likewise.
    """
    loaded = build.options.load_timing_cache
    before = _content(path, _SAVE)
    existing = _read(build, path, _SAVE)
    if loaded is None:
        _quietly(build.config.get_timing_cache, _SAVE)
        _use(build, existing, _SAVE)
    # The build begins with what the file holds, so its own cache afterwards is the file's new content, unless another
    # process has added to it meanwhile. Only then are two caches combined, which 8.6 refuses for some small ones.
    begins_with_file = not before or loaded is None or loaded == path
    if not begins_with_file:
        _combine(_create(build, b"", _SAVE), existing, path)
    build.after.append(lambda: _save(build, path, before if begins_with_file else None))


def error_on_miss(build: BuildConfig, value: bool, flag: str) -> None:
    """Fail where a timing is missing, on packages that keep timings."""
    _quietly(build.config.get_timing_cache, flag)
    switch("ERROR_ON_TIMING_CACHE_MISS")(build, value, flag)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file that several processes write: an empty file `PATH.lock` beside it, which stays there.

    Raises:
        FileError: the lock cannot be made.
    """
    lock = path.with_name(f"{path.name}.lock")
    with write_errors(lock):
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        with write_errors(lock):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # which gives up the lock


def _save(build: BuildConfig, path: Path, before: bytes | None) -> None:
    """Write the build's cache, combined with the file's where that is not `before` any more."""
    cache = _quietly(build.config.get_timing_cache, _SAVE)
    with locked(path):
        if _content(path, _SAVE) != before:
            merged = _read(build, path, _SAVE)
            _combine(merged, cache, path)
            cache = merged
        data = memoryview(cache.serialize()).cast("B")
        with replacing(path) as file:
            file.write(data)
    _log.info("saved the timing cache to %s (%d bytes)", path, data.nbytes)


def _combine(target: Any, addition: Any, path: Path) -> None:
    with _judged_by_result():
        combined = target.combine(addition, False)
    if not combined:
        raise ModelError(
            f"the timing cache {str(path)!r} is of another GPU or another release than {title()} here; name a new file"
        )


def _content(path: Path, flag: str) -> bytes:
    """The bytes of a file; none where there is no file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise FileError(f"{flag}: cannot read {str(path)!r}: {error.strerror}") from error


def _read(build: BuildConfig, path: Path, flag: str) -> Any:
    """The cache in a file; an empty one where there is no file."""
    data = _content(path, flag)
    cache = _create(build, data, flag)
    if not data:
        return cache
    # TensorRT gives an empty cache for what it cannot read, with a warning in its log only.
    empty = memoryview(_create(build, b"", flag).serialize()).nbytes
    if memoryview(cache.serialize()).nbytes <= empty < len(data):
        raise FileError(f"{flag}: {str(path)!r} holds no timing cache that {title()} can read")
    return cache


def _use(build: BuildConfig, cache: Any, flag: str) -> None:
    with _judged_by_result():
        used = build.config.set_timing_cache(cache, False)
    if not used:
        raise ModelError(f"{flag}: the timings are of another GPU or another release than {title()} here")


def _create(build: BuildConfig, data: bytes, flag: str) -> Any:
    with _judged_by_result():
        cache = build.config.create_timing_cache(data)
        if cache is None:
            raise ModelError(f"{flag}: {title()} cannot read the timing cache")
    return cache


@contextmanager
def _judged_by_result() -> Iterator[None]:
    """Go by what a call returns: 8.6 logs an error for a part of a cache that is empty, and takes the cache."""
    with collect() as messages:
        yield
        messages.errors.clear()


def _quietly(call: Any, flag: str) -> Any:
    """Call it, unless this package keeps no timings: TensorRT-RTX says by a warning that its timing caches do nothing.

    Raises:
        ModelError: it says so.
    """
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        result = call()
    if any("no-op" in str(note.message) for note in notes):
        raise ModelError(
            f"{flag}: {title()} keeps no kernel timings, since its kernels are compiled where the engine runs; "
            "leave the option out"
        )
    return result
